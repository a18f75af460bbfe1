import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MillracePlugin } from '../../src/steps/plugin.js';
import type { Stage } from '../../src/verify/stage.js';
import { printTables, type TablePrint } from '../../src/verify/table-prints.js';
import { UndisturbedRunFailed, verifyPipeline } from '../../src/verify/verify-pipeline.js';
import { isSame, type VerifyReport } from '../../src/verify/verify-report.js';
import { createDuckDBWarehouse } from '../../src/warehouse/duckdb.js';
import { startWorkerProcess } from '../../workers/worker-process.js';
import { locateTemporal, startTemporal, type TemporalServer } from '../servers/temporal.js';
import { describeWithServer } from '../support/with-server.js';

const WORKER = fileURLToPath(new URL('../support/appending-worker.ts', import.meta.url));
const WORKFLOWS = fileURLToPath(new URL('../fixtures/verify-workflows.ts', import.meta.url));

describeWithServer('a verification', locateTemporal, () => {
  let temporal: TemporalServer;
  let folder: string;
  let bundle: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-verify-finds-'));
    temporal = await startTemporal();
    bundle = join(folder, 'bundle.js');
    const { code } = await bundleWorkflowCode({ workflowsPath: WORKFLOWS, plugins: [new MillracePlugin({ redact: (text) => text })], logger: new DefaultLogger('ERROR') });
    await writeFile(bundle, code);
  });
  afterAll(async () => {
    await temporal?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function openStage(workflowId: string): Promise<Stage> {
    const [gates, tables] = ['gates', 'tables'].map((name) => join(folder, workflowId, name)) as [string, string];
    await Promise.all([gates, tables].map((path) => mkdir(path, { recursive: true })));
    return {
      taskQueue: workflowId,
      gates,
      startWorker: () =>
        startWorkerProcess({
          entry: WORKER,
          execArgv: ['--import', 'tsx'],
          environment: { ...process.env, TEMPORAL_ADDRESS: temporal.address, TASK_QUEUE: workflowId, BUNDLE: bundle, TABLES: tables, GATES: gates },
          logFile: join(folder, `${workflowId}.log`),
          onStart: async () => {},
          onRestart: () => {},
        }),
      async prints() {
        const contents = (await readdir(tables)).map(async (name): Promise<[string, TablePrint]> => {
          const print = await readFile(join(tables, name), 'utf8');
          return [name, { rows: print.split('\n').length - 1, print }];
        });
        return Object.fromEntries(await Promise.all(contents));
      },
    };
  }

  const verify = (workflow: string): Promise<VerifyReport> =>
    verifyPipeline({ client: temporal.env.client, workflow, params: {}, id: `verify-${workflow}`, openStage, parallel: 4, say: () => {}, signal: new AbortController().signal });

  it('finds the step that is not idempotent, and where its worker must be killed for it to show', async () => {
    const report = await verify('appends');
    expect(isSame(report)).toBe(false);
    const different = report.kills.filter(({ outcome }) => outcome === 'different');
    expect(different.map(({ step, place }) => `${step} ${place}`)).toContain('appendRow end');
    // A machine that stalls can cost the step its first attempt in any run, and then it is named, too.
    for (const { step, note } of different) {
      expect(note).toMatch(/^appended has \d rows instead of 1/);
      expect(step === 'appendRow' ? step : note).toContain('appendRow');
    }
    expect(report.kills.find(({ step, place }) => step === 'replaceRow' && place === 'end')?.attempts).toBeGreaterThan(1);
  }, 480_000);

  it('says why, when the pipeline fails without being disturbed', async () => {
    await expect(verify('refuses')).rejects.toThrow(new UndisturbedRunFailed('SourceGone: the source is gone'));
  }, 60_000);

  it('tells tables apart that differ in one value, one row twice or one column, and not those in another order', async () => {
    const key = { name: 'id', type: 'integer' as const };
    const prints = async (rows: [number, string][], columns = [key, { name: 'name', type: 'text' as const }]): Promise<TablePrint> => {
      const warehouse = createDuckDBWarehouse({ path: join(await mkdtemp(join(folder, 'table-')), 'w.duckdb'), limits: { memoryLimit: '256MB', threads: 1, scratchDir: folder } });
      try {
        await warehouse.replaceRows({ name: 'orders', columns, key: [] }, { id: 0 }, rows);
        return (await printTables(warehouse, ['orders', 'missing']))['orders']!;
      } finally {
        await warehouse.close();
      }
    };
    const expected = await prints([[1, 'a'], [2, 'b']]);
    expect(await prints([[2, 'b'], [1, 'a']])).toEqual(expected);
    for (const other of [await prints([[1, 'a'], [2, 'c']]), await prints([[1, 'a'], [2, 'b'], [2, 'b']]), await prints([[1, 'a'], [2, 'b']], [key, { name: 'title', type: 'text' }])]) {
      expect(other.print).not.toBe(expected.print);
    }
  });
});
