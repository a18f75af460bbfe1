import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { DatasetRef } from '../../src/datasets/dataset-ref.js';
import { withDatabaseFile, withScratchDatabase } from '../../src/duckdb/duckdb.js';
import { createLocalDirectoryStore } from '../../src/object-store/local-directory.js';
import type { ObjectStore } from '../../src/object-store/object-store.js';
import { readRun } from '../../src/runs/follow-run.js';
import type { RunView, StepView } from '../../src/runs/run-view.js';
import { MillracePlugin } from '../../src/steps/plugin.js';
import { reportProgress } from '../../src/steps/progress.js';
import { createStepLogs } from '../../src/steps/step-logs.js';
import type { CliTestActivities } from '../fixtures/cli-workflows.js';
import { locateTemporal, startTemporal, type TemporalServer } from '../servers/temporal.js';
import { millrace, startMillrace } from '../support/millrace-command.js';
import { describeWithServer } from '../support/with-server.js';

const SECRET = 'dont-show-me-7342';

// Every command is a process of its own, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

describeWithServer('the millrace command', locateTemporal, () => {
  let server: TemporalServer;
  let worker: Worker;
  let working: Promise<void>;
  let folder: string;
  let lake: ObjectStore;
  let env: Record<string, string>;

  const cli = (...args: string[]) => millrace(args, env);
  const json = async (...args: string[]) => JSON.parse((await cli(...args, '--json')).stdout) as unknown;
  const status = async (run: string) => (await json('status', run)) as RunView & { webUi: string | null };
  const step = (run: RunView, id: string): StepView => run.steps.find((candidate) => candidate.id === id)!;

  beforeAll(async () => {
    [server, folder] = await Promise.all([startTemporal(), mkdtemp(join(tmpdir(), 'millrace-cli-'))]);
    lake = createLocalDirectoryStore({ root: join(folder, 'lake') });
    env = {
      TEMPORAL_ADDRESS: server.address,
      MILLRACE_HOME: join(folder, 'home'),
      MILLRACE_WEB_UI: 'http://127.0.0.1:8233/',
      MILLRACE_CONN_LAKE: `file://${join(folder, 'lake')}`,
      MILLRACE_CONN_WAREHOUSE: `duckdb://${join(folder, 'warehouse.duckdb')}`,
      MILLRACE_CONN_SALES: `mysql://etl:${SECRET}@127.0.0.1:1/shop`,
    };
    const logs = createStepLogs(() => lake, (message) => expect.fail(message));
    worker = await Worker.create({
      connection: server.env.nativeConnection,
      namespace: server.namespace,
      taskQueue: 'millrace',
      identity: 'test-worker',
      workflowsPath: fileURLToPath(new URL('../fixtures/cli-workflows.ts', import.meta.url)),
      activities: activities(lake, folder),
      plugins: [new MillracePlugin({ redact: (text) => text, logs })],
      shutdownGraceTime: '1s',
    });
    working = worker.run().then(() => logs.flush());
    await withDatabaseFile(join(folder, 'warehouse.duckdb'), limits(folder), (db) =>
      db.run(`CREATE TABLE orders AS SELECT * FROM (VALUES (1, 'Größe, "XL"', 2.50), (2, NULL, 9.80)) AS t(line_no, description, price)`),
    );
  });
  afterAll(async () => {
    worker?.shutdown();
    await working;
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('runs a pipeline, watches it to its end without a terminal, and exits with 0', async () => {
    const { code, stdout, stderr } = await cli('run', 'ecommerce-daily', '--date', '2010-12-01', '--watch');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(/extract\.extractSales {2}succeeded {2}3108 rows/);
    expect(stdout).toMatch(/Result {4}published 3100/);
  });

  it('tells what a run that completed has done, by every name of the run', async () => {
    const run = await status('ecommerce-daily-2010-12-01');
    expect(run).toMatchObject({ pipeline: 'ecommerce-daily', state: 'completed', interval: { label: '2010-12-01', start: '2010-12-01T00:00:00.000Z' }, result: { published: 3100 } });
    expect(run.steps.map(({ id, state, attempts, group }) => [id, state, attempts, group])).toEqual([
      ['extract.extractSales', 'succeeded', 1, 'extract'],
      ['extract.extractClicks', 'succeeded', 1, 'extract'],
      ['cleanAndJoin', 'succeeded', 1, undefined],
      ['publishOrders', 'succeeded', 1, undefined],
    ]);
    expect(step(run, 'extract.extractSales')).toMatchObject({ rows: 3108, worker: 'test-worker' });
    expect(run.webUi).toBe(`http://127.0.0.1:8233/namespaces/default/workflows/ecommerce-daily-2010-12-01/${run.runId}/history`);

    const { client } = server.env;
    const { resolveRun } = await import('../../src/runs/resolve-run.js');
    for (const name of ['last', run.runId, `ecommerce-daily-2010-12-01/${run.runId}`, 'ecommerce-daily-2010-12-01']) {
      expect(await resolveRun(client, name)).toMatchObject({ runId: run.runId });
    }
    expect(await resolveRun(client, 'ecommerce-daily', '2010-12-01')).toMatchObject({ runId: run.runId });
    expect(await resolveRun(client, 'ecommerce-daily', '2010-12-31')).toBeUndefined();
  });

  it('fits into 80 columns, whatever a terminal cannot show', async () => {
    const { stdout } = await millrace(['status', 'ecommerce-daily-2010-12-01'], { ...env, COLUMNS: '80', MILLRACE_WEB_UI: '' });
    const table = stdout.slice(stdout.indexOf('STEP')).split('\n');
    expect(table.every((line) => line.length <= 80)).toBe(true);
    expect(stdout).not.toContain('\u001B');
  });

  it('prints the logs of steps, of one step, and of one level, from the object store', async () => {
    const all = await cli('logs', 'last', '--follow');
    expect(all.stdout).toMatch(/info {2}extract\.extractSales {2}reading sales/);
    expect(all.stdout).toMatch(/warn {2}publishOrders {2}one line twice/);
    const one = await cli('logs', 'last', 'extractSales', '--level', 'info', '--json');
    expect(one.stdout.trim().split('\n').map((line) => (JSON.parse(line) as { message: string }).message)).toEqual(['reading sales']);
    expect(await cli('logs', 'last', 'extractSale')).toMatchObject({ code: 3, stderr: expect.stringMatching(/no step extractSale — did you mean extractSales\?/) as string });
  });

  it('prints quarantined rows with counts, reason, position and the row', async () => {
    expect(await json('quarantine', 'ecommerce-daily', '--date', '2010-12-01', '--limit', '1')).toEqual({
      counts: [
        { source: 'sales', reason: 'bad_price', rows: 2 },
        { source: 'clicks', reason: 'bad_json', rows: 1 },
      ],
      rows: [{ source: 'sales', position: '7', reason: 'bad_price', row: { unit_price: 'abc' } }],
    });
    const { stdout } = await cli('quarantine', 'last', '--reason', 'bad_json');
    expect(stdout).toMatch(/bad_json\s+clicks\s+a\.jsonl:3/);
  });

  it('exits with 1 when a run fails, and tells which step and why', async () => {
    const { code, stdout } = await cli('run', 'ecommerce-daily', '--date', '2010-12-02', '--watch');
    expect(code).toBe(1);
    expect(stdout).toMatch(/failed at publishOrders: CHECK_FAILED: keys are not unique/);
    const run = await status('last');
    expect(run).toMatchObject({ state: 'failed', failure: { step: 'publishOrders', type: 'CHECK_FAILED' } });
    expect(step(run, 'publishOrders')).toMatchObject({ state: 'failed', error: { type: 'CHECK_FAILED', message: 'keys are not unique' } });
  });

  it('shows progress of a running step, refuses a second start, stops watching on Ctrl-C, and cancels', async () => {
    const watching = startMillrace(['run', 'ecommerce-daily', '--date', '2010-12-03', '--watch'], env);
    const ids = { workflowId: 'ecommerce-daily-2010-12-03' };
    const { client } = server.env;
    const now = async () => readRun(client, { ...ids, runId: (await client.workflow.getHandle(ids.workflowId).describe()).runId });
    await expect.poll(async () => step(await now(), 'extract.extractClicks').rows, { timeout: 20_000 }).toBe(42);
    expect(step(await now(), 'extract.extractClicks')).toMatchObject({ state: 'running', attempts: 1, worker: 'test-worker' });

    expect(await cli('run', 'ecommerce-daily', '--date', '2010-12-03')).toMatchObject({ code: 6, stderr: expect.stringMatching(/is running already — millrace watch/) as string });

    watching.process.kill('SIGINT');
    expect(await watching.result).toMatchObject({ code: 130, stderr: expect.stringMatching(/stopped watching; the run goes on/) as string });
    expect((await now()).state).toBe('running');

    expect(await json('cancel', 'ecommerce-daily-2010-12-03', '--why', 'wrong day')).toMatchObject({ requested: true });
    const watched = await cli('watch', 'ecommerce-daily', '--date', '2010-12-03', '--json');
    expect(watched.code).toBe(1);
    const ended = JSON.parse(watched.stdout) as RunView;
    expect(ended.state).toBe('cancelled');
    expect(step(ended, 'extract.extractClicks').state).toBe('cancelled');
    expect(await json('cancel', 'ecommerce-daily-2010-12-03')).toMatchObject({ requested: false, state: 'cancelled' });
  });

  it('shows a step that waits for its next attempt, with its error and when', async () => {
    await cli('run', 'ecommerce-daily', '--date', '2010-12-04');
    await expect.poll(async () => step(await status('last'), 'extract.extractClicks')?.state, { timeout: 20_000 }).toBe('retrying');
    const retrying = step(await status('last'), 'extract.extractClicks');
    expect(retrying).toMatchObject({ attempts: 1, error: { type: 'SOURCE_UNAVAILABLE', message: 'clicks do not answer' } });
    expect(Date.parse(retrying.nextAttemptAt!)).toBeGreaterThan(Date.now() + 30 * 60_000);
  });

  it('says that a run is stuck in its own code, and why', async () => {
    await cli('run', 'ecommerce-daily', '--date', '2010-12-05');
    await expect.poll(async () => (await status('ecommerce-daily-2010-12-05')).stuck, { timeout: 25_000, interval: 1000 }).toMatchObject({ message: 'the author has made a mistake' });
    expect((await cli('status', 'ecommerce-daily-2010-12-05')).stdout).toMatch(/stuck: the workflow's own code fails/);
  });

  it('lists runs by state, pipelines with their last run, and knows schedules', async () => {
    const failed = (await json('runs', 'ecommerce-daily', '--state', 'failed')) as { workflowId: string; state: string; interval: string }[];
    expect(failed).toMatchObject([{ workflowId: 'ecommerce-daily-2010-12-02', state: 'failed', interval: '2010-12-02' }]);
    expect(await json('schedule', 'apply')).toContainEqual(expect.objectContaining({ pipeline: 'ecommerce-daily', outcome: 'created' }));
    expect((await cli('schedule', 'apply')).stdout).toMatch(/ecommerce-daily +unchanged, next run \d{4}-/);
    // It is due every quarter of an hour, and this worker has no such workflow.
    expect(await cli('schedule', 'delete', 'pipeline-monitoring')).toMatchObject({ code: 0 });
    expect(await cli('schedule', 'pause', 'ecommerce-daily', '--why', 'move')).toMatchObject({ code: 0 });
    expect(await json('schedule', 'list')).toContainEqual(expect.objectContaining({ pipeline: 'ecommerce-daily', state: 'paused', note: 'move', nextRuns: [] }));
    expect(await json('list')).toContainEqual(expect.objectContaining({ name: 'ecommerce-daily', scheduleState: 'paused', lastRun: expect.objectContaining({ interval: '2010-12-05' }) as unknown }));
    expect((await cli('show', 'ecommerce-daily')).stdout).toMatch(/--param allowEmpty=/);
    expect(await cli('schedule', 'resume', 'ecommerce-daily')).toMatchObject({ code: 0 });
    expect(await cli('schedule', 'delete', 'ecommerce-daily')).toMatchObject({ code: 0 });
    expect(await cli('schedule', 'trigger', 'ecommerce-daily')).toMatchObject({ code: 3, stderr: expect.stringMatching(/no schedule in Temporal — millrace schedule apply/) as string });
  });

  it('asks the warehouse, as a table, as CSV and as JSON', async () => {
    expect(await json('sql', 'SELECT * FROM orders ORDER BY line_no', '--limit', '1')).toEqual({ columns: ['line_no', 'description', 'price'], rows: [[expect.anything(), 'Größe, "XL"', '2.50']], truncated: true });
    expect((await cli('sql', 'SELECT description, price FROM orders ORDER BY line_no', '--csv')).stdout).toBe('description,price\n"Größe, ""XL""",2.50\n,9.80\n');
    expect((await cli('sql', 'SELECT count(*) AS n FROM orders')).stdout).toMatch(/^n\n2\n$/);
  });

  it('examines everything, never shows a secret, and exits with 1 when something fails', async () => {
    const { code, stdout, stderr } = await cli('doctor', '--json');
    expect(code).toBe(1);
    const findings = JSON.parse(stdout) as { subject: string; state: string; message: string; remedy?: string }[];
    const of = (subject: string) => findings.find((finding) => finding.subject === subject);
    expect(of('temporal')?.state).toBe('ok');
    expect(of('worker millrace')).toMatchObject({ state: 'ok', message: expect.stringContaining('test-worker') as string });
    expect(of('connection LAKE')?.state).toBe('ok');
    expect(of('connection SALES')?.state).toBe('fail');
    expect(of('connection CATALOG')?.remedy).toBeDefined();
    expect(of('pipeline ecommerce-daily')?.state).toBe('ok');
    expect(of('schedule ecommerce-daily')?.state).toBe('warn');
    expect(stdout + stderr).not.toContain(SECRET);
    const check = await cli('connections', 'check');
    expect(check.code).toBe(1);
    expect(check.stdout).toMatch(/LAKE +ok/);
    expect(check.stdout + check.stderr).not.toContain(SECRET);
  });
});

function limits(folder: string) {
  return { memoryLimit: '256MB', threads: 1, scratchDir: join(folder, 'scratch') };
}

function activities(lake: ObjectStore, folder: string): CliTestActivities {
  const madeBy = { pipeline: 'ecommerce-daily', step: 'x', run: 'r', attempt: 1 };
  const ref = (uri: string, rows: number): DatasetRef => ({ uri, format: 'parquet', rows, bytes: 1, schema: '0'.repeat(16), madeBy });
  return {
    async extractSales() {
      Context.current().log.info('reading sales', { table: 'sales' });
      return ref('file:///nowhere.parquet', 3108);
    },
    async extractClicks({ label }) {
      const { cancelled, info } = Context.current();
      if (label === '2010-12-04' && info.attempt === 1) throw ApplicationFailure.retryable('clicks do not answer', 'SOURCE_UNAVAILABLE');
      if (label !== '2010-12-03') return { rows: 10 };
      reportProgress({ rows: 42 });
      return cancelled;
    },
    async cleanAndJoin() {
      const file = join(folder, 'quarantine.parquet');
      await withScratchDatabase(limits(folder), (db) =>
        db.run(`COPY (SELECT * FROM (VALUES
          ('sales', '7', 'bad_price', '{"unit_price":"abc"}'::JSON), ('sales', '12', 'bad_price', '{"unit_price":"-"}'::JSON), ('clicks', 'a.jsonl:3', 'bad_json', '"{oops"'::JSON)
        ) AS t(source, position, reason, row)) TO '${file}' (FORMAT parquet)`),
      );
      const { key } = await lake.putFile('quarantine/q.parquet', file);
      return { summary: { quarantine: ref(lake.uri(key), 3) } };
    },
    async publishOrders({ label }) {
      Context.current().log.warn('one line twice');
      if (label === '2010-12-02') throw ApplicationFailure.nonRetryable('keys are not unique', 'CHECK_FAILED');
      return { published: 3100 };
    },
    async sendAlert() {},
  };
}
