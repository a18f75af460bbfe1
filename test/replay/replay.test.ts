import { readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Runtime, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { CATALOG } from '../../src/catalog.js';
import { workflowBundle } from '../../workers/bundle.js';

const HISTORIES = join(import.meta.dirname, 'histories');
const files = readdirSync(HISTORIES);

describe('recorded histories', () => {
  let bundle: WorkflowBundleWithSourceMap;
  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    bundle = await workflowBundle(join(tmpdir(), 'millrace-test-bundles'));
  });

  const replay = (json: unknown): Promise<void> => Worker.runReplayHistory({ workflowBundle: bundle, replayName: 'recorded' }, historyFromJSON(json));
  const read = (file: string): { events: Record<string, unknown>[] } => JSON.parse(readFileSync(join(HISTORIES, file), 'utf8')) as { events: Record<string, unknown>[] };

  it('are there for every pipeline of the catalog', () => {
    for (const { name } of CATALOG) expect(files.filter((file) => file.startsWith(name))).not.toEqual([]);
  });

  it.each(files)('%s replays against today’s code', async (file) => {
    await expect(replay(read(file))).resolves.toBeUndefined();
  });

  it('would not replay against code that does something else', async () => {
    const history = read('ecommerce-daily-completed.json');
    const step = history.events.find((event) => JSON.stringify(event).includes('"activityId":"cleanAndJoin"'));
    (step!['activityTaskScheduledEventAttributes'] as { activityType: { name: string } }).activityType.name = 'somethingElse';
    await expect(replay(history)).rejects.toThrow(DeterminismViolationError);
  });
});
