import { Readable } from 'node:stream';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { S3EtlResult } from '../../workflows/s3-etl.js';
import { startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { describeWithServer } from '../support/with-server.js';
import { locateTemporal } from '../servers/temporal.js';

const [FILES, FEW, ROWS] = [70, 20, 20_000];

function* csv(file: number): Generator<string> {
  yield 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n';
  for (let row = 0; row < ROWS; row += 1) yield `${file * ROWS + row},85123A,HOLDER,${(row % 9) + 1},2026-01-31 08:26:00,2.55,17850,United Kingdom\n`;
}

describeWithServer('s3-etl-modular over many files', locateTemporal, () => {
  let stack: PipelineStack;
  let pid: number;

  beforeAll(async () => {
    stack = await startPipelineStack({ preload: [] });
    const incoming = stack.adapters().incoming();
    for (let file = 0; file < FILES; file += 1) await incoming.put(`incoming/data_${String(file).padStart(2, '0')}.csv`, Readable.from(csv(file)));
    pid = (await stack.worker('many')).pid!;
  }, 180_000);
  afterAll(() => stack?.stop());

  /** The result, and the most memory that the worker had while the run went on. */
  async function run(pattern: string): Promise<{ result: S3EtlResult; mostMb: number }> {
    const ended = new AbortController();
    let mostMb = 0;
    const watching = (async () => {
      while (!ended.signal.aborted) {
        mostMb = Math.max(mostMb, await residentMb(pid));
        await delay(250, undefined, { signal: ended.signal }).catch(() => undefined);
      }
    })();
    const result = (await stack.client.workflow.execute('s3EtlModular', { taskQueue: 'many', workflowId: pattern, args: [{ date: '2026-01-31', pattern }] })) as S3EtlResult;
    ended.abort();
    await watching;
    return { result, mostMb };
  }

  it(`takes ${FILES} files of ${ROWS} rows, some at a time, in hardly more memory than it needs for ${FEW}`, { timeout: 400_000 }, async () => {
    const few = await run('incoming/data_[01]?.csv');
    expect(few.result.files).toHaveLength(FEW);
    const rest = await run('incoming/data_*.csv');
    expect(rest.result.files).toHaveLength(FILES - FEW);
    expect(few.result.published + rest.result.published).toBe(FILES * ROWS);
    expect(rest.mostMb).toBeLessThanOrEqual(1.3 * few.mostMb);
  });
});

/** Linux only; elsewhere nothing is claimed. */
async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}
