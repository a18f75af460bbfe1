import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { HistoryEvent } from '../../src/runs/event-times.js';
import type { S3EtlResult } from '../../workflows/s3-etl.js';
import { FILES_AT_A_TIME } from '../../workflows/policies.js';
import { startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { describeWithServer } from '../support/with-server.js';
import { locateTemporal } from '../servers/temporal.js';

const [FILES, ROWS] = [50, 20_000];
/** Makes the files large: 200 MB together. */
const DESCRIPTION = 'HOLDER '.repeat(20).trim();
/** Three times what the files take that are worked on at a time; all files in memory would be twice this. */
const MOST_MB = 96;

const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n';
const CONTENT = HEADER + `536365,85123A,${DESCRIPTION},6,2026-01-31 08:26:00,2.55,17850,United Kingdom\n`.repeat(ROWS);

describeWithServer('s3-etl-modular over many files', locateTemporal, () => {
  let folder: string;
  let stack: PipelineStack;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-memory-'));
    stack = await startPipelineStack({
      preload: [],
      entry: 'test/support/measured-worker.ts',
      environment: { MILLRACE_DUCKDB_MEMORY: '128MB', MILLRACE_LIVE_MEMORY: join(folder, 'live') },
    });
    const incoming = stack.adapters().incoming();
    for (let file = 0; file < FILES; file += 1) await incoming.put(`incoming/data_${file}.csv`, CONTENT);
    await stack.worker('many');
  }, 180_000);
  afterAll(async () => {
    await stack?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const liveMb = async (): Promise<number[]> => (await readFile(join(folder, 'live'), 'utf8')).trim().split('\n').map((live) => Number(live) / 1024 ** 2);

  it(`takes ${FILES} files of ${ROWS} rows, ${FILES_AT_A_TIME} at a time, in memory that does not grow with them`, { timeout: 600_000 }, async () => {
    const idle = await vi.waitFor(async () => (await liveMb()).at(-1)!, { timeout: 30_000, interval: 100 });
    const handle = await stack.client.workflow.start('s3EtlModular', { taskQueue: 'many', workflowId: 'many', args: [{ date: '2026-01-31' }] });
    const result = (await handle.result()) as S3EtlResult;
    expect(result.files).toHaveLength(FILES);
    expect(result.published).toBe(FILES * ROWS);
    expect(await mostAtATime(handle)).toEqual({ noteMetadata: FILES_AT_A_TIME, transformFile: FILES_AT_A_TIME });
    expect(Math.max(...(await liveMb())) - idle).toBeLessThan(MOST_MB);
  });
});

/** How many steps of each mapped activity were open at once. */
async function mostAtATime(handle: { fetchHistory(): Promise<{ events?: HistoryEvent[] | null }> }): Promise<Record<string, number>> {
  const open = new Map<string, string>();
  const most: Record<string, number> = {};
  for (const { eventId, activityTaskScheduledEventAttributes: scheduled, activityTaskCompletedEventAttributes: completed } of (await handle.fetchHistory()).events ?? []) {
    if (scheduled?.activityId?.includes('[')) {
      const name = scheduled.activityType!.name!;
      open.set(String(eventId), name);
      most[name] = Math.max(most[name] ?? 0, [...open.values()].filter((other) => other === name).length);
    }
    if (completed) open.delete(String(completed.scheduledEventId));
  }
  return most;
}
