import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Pipeline } from '../../src/catalog.js';
import { MillraceError } from '../../src/errors.js';
import { readBatch } from '../../src/monitoring/batches.js';
import type { HealthReport, PipelineHealth } from '../../src/monitoring/health.js';
import { lookAtPipelines } from '../../src/monitoring/look.js';
import { measureQuarter } from '../../src/monitoring/measure-runs.js';
import { tableAges } from '../../src/monitoring/table-ages.js';
import { createLocalDirectoryStore } from '../../src/object-store/local-directory.js';
import { applySchedule } from '../../src/schedules/apply-schedules.js';
import { createDuckDBWarehouse } from '../../src/warehouse/duckdb.js';
import { LEDGER } from '../../src/warehouse/ledger.js';
import type { Warehouse } from '../../src/warehouse/warehouse.js';
import { locateTemporal, startTemporal, type TemporalServer } from '../servers/temporal.js';
import { describeWithServer } from '../support/with-server.js';

const HOUR_MS = 3_600_000;
const QUARTER_MS = HOUR_MS / 4;
const { signal } = new AbortController();

/** Of no catalog: its workflow has its name. */
function pipeline(name: string, change: Partial<Pipeline> = {}): Pipeline {
  return { name, workflow: name, description: '', owner: '', taskQueue: 'nobody-polls-this', connections: [], parameters: [], alerts: { routes: [] }, publishes: [], ...change };
}

describeWithServer('a look at pipelines', locateTemporal, () => {
  let server: TemporalServer;
  let client: Client;
  beforeAll(async () => {
    server = await startTemporal();
    client = server.env.client;
  });
  afterAll(() => server?.stop());

  const look = (pipelines: readonly Pipeline[], now = new Date(), activeSince = now, warehouse: () => Warehouse = () => expect.unreachable()): Promise<HealthReport> =>
    lookAtPipelines({ client, pipelines, warehouse, activeSince: () => activeSince, redact: (text) => text.replaceAll('hunter22', '***'), now, signal });
  const lookAt = async (of: Pipeline, now?: Date, activeSince?: Date): Promise<PipelineHealth> => (await look([of], now, activeSince)).pipelines[0]!;
  const kinds = ({ problems }: PipelineHealth): string[] => problems.map(({ kind }) => kind).filter((kind) => kind !== 'no-workers');

  describe('at a schedule', () => {
    const hourly = (name: string): Pipeline => pipeline(name, { schedule: { cron: '0 * * * *', timezone: 'UTC' } });
    const inHours = (hours: number): Date => new Date(Date.now() + hours * HOUR_MS);

    it('finds the times that were due and not taken', async () => {
      const due = hourly('missing');
      await applySchedule(client, due, new Date());
      const since = new Date();
      expect(await lookAt(due, since, since)).toMatchObject({ schedule: { state: 'active', missed: [] } });
      const later = await lookAt(due, inHours(3.5), since);
      expect(later.schedule!.missed.length).toBeGreaterThanOrEqual(3);
      expect(later.schedule!.lastDue).toBe(later.schedule!.missed.at(-1));
      expect(kinds(later)).toEqual(['missed-schedule']);
    });

    it('takes no time for missed at which a run was started', async () => {
      const due = hourly('taken');
      await applySchedule(client, due, new Date());
      const since = new Date();
      await client.schedule.getHandle('taken').backfill({ start: since, end: inHours(4), overlap: ScheduleOverlapPolicy.ALLOW_ALL });
      await vi.waitFor(async () => expect((await client.schedule.getHandle('taken').describe()).info.recentActions.length).toBeGreaterThanOrEqual(4), { timeout: 30_000, interval: 200 });
      const later = await lookAt(due, inHours(3.5), since);
      expect(later.schedule).toMatchObject({ state: 'active', missed: [], lastDue: expect.any(String) });
      expect(kinds(later)).toEqual([]);
    });

    it('takes nothing for missed of one that is paused, also when it is active again', async () => {
      const due = hourly('paused');
      await applySchedule(client, due, new Date());
      const handle = client.schedule.getHandle('paused');
      await handle.pause();
      expect(await lookAt(due, inHours(3.5), new Date())).toMatchObject({ schedule: { state: 'paused', missed: [] } });
      await handle.unpause();
      const again = await lookAt(due, inHours(3.5), inHours(3.5));
      expect(again).toMatchObject({ schedule: { state: 'active', missed: [] } });
      expect(kinds(again)).toEqual([]);
    });

    it('says of one that was never applied that it was not', async () => {
      const never = await lookAt(hourly('never-applied'), inHours(3.5), new Date());
      expect(never).toMatchObject({ schedule: { state: 'not-applied', missed: [] } });
      expect(kinds(never)).toEqual([]);
    });
  });

  it('counts runs by how they have ended within a day, and finds that the last one was ended by a timeout', { timeout: 60_000 }, async () => {
    const timed = pipeline('timedOut');
    const start = (workflowId: string, options: object = {}) => client.workflow.start('timedOut', { taskQueue: timed.taskQueue, workflowId, ...options });
    await (await start('given-up')).terminate();
    await start('open');
    await start('too-long', { workflowRunTimeout: '1s' });
    await vi.waitFor(async () => expect(await lookAt(timed)).toMatchObject({ runs: { succeeded: 0, failed: 0, timedOut: 1, cancelled: 0, terminated: 1 }, successRate: 0, open: 1, stuck: 0, held: 0 }), { timeout: 30_000, interval: 300 });
    const health = await lookAt(timed);
    expect(kinds(health)).toEqual(['ended-by-temporal']);
    expect(health.problems.find(({ kind }) => kind === 'ended-by-temporal')!.message).toContain('too-long');
    expect(await lookAt(timed, new Date(Date.now() + 25 * HOUR_MS))).toMatchObject({ runs: { timedOut: 0, terminated: 0 } });
  });

  it('finds a task queue that nobody polls', async () => {
    expect(await lookAt(pipeline('idle'))).toMatchObject({ workers: 0, problems: [{ kind: 'no-workers', severity: 'error', message: expect.stringContaining('nobody-polls-this') }] });
  });

  it('measures the runs that ended within a quarter, each once, and asks the server for no others', { timeout: 90_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-quarter-'));
    const store = createLocalDirectoryStore({ root: folder });
    const around = Math.floor(Date.now() / QUARTER_MS) * QUARTER_MS;
    /** Also when the clock strikes meanwhile. */
    const now = { start: new Date(around).toISOString(), end: new Date(around + 2 * QUARTER_MS).toISOString() };
    const before = { start: new Date(around - QUARTER_MS).toISOString(), end: new Date(around).toISOString() };
    const start = async (workflowId: string): Promise<void> => (await client.workflow.start('s3Etl', { taskQueue: 'nobody-polls-this', workflowId })).terminate().then(() => undefined);
    const ended = async (): Promise<number> => (await client.workflow.count("WorkflowType = 's3Etl' AND ExecutionStatus = 'Terminated'")).count;
    await Promise.all(Array.from({ length: 20 }, (_, index) => start(`ended-${index}`)));
    await vi.waitFor(async () => expect(await ended()).toBe(20), { timeout: 30_000, interval: 200 });
    const asked = vi.spyOn(client.workflowService, 'listWorkflowExecutions');

    expect(await measureQuarter(client, store, before, signal)).toEqual([]);
    const answers = await Promise.all(asked.mock.results.map(({ value }) => value as Promise<{ executions: unknown[] }>));
    expect(answers.flatMap(({ executions }) => executions)).toEqual([]);
    const [first] = await measureQuarter(client, store, now, signal);
    await start('late');
    await vi.waitFor(async () => expect(await ended()).toBe(21), { timeout: 30_000, interval: 200 });
    const ids = await measureQuarter(client, store, now, signal);
    const runs = await Promise.all(ids.map(async (id) => (await readBatch(store, id, signal)).points.filter(({ name }) => name === 'Runs').length));
    expect([ids[0], runs]).toEqual([first, [20, 1]]);
    await rm(folder, { recursive: true, force: true });
  });

  it('names what it cannot reach, without secrets, and looks at everything else', async () => {
    const broken = (): Warehouse => {
      throw new MillraceError('WAREHOUSE_UNAVAILABLE', 'postgres://etl:hunter22@db does not answer');
    };
    const { pipelines, unreached } = await look([pipeline('a', { freshness: [{ table: 'orders', mostHours: 1 }] }), pipeline('b')], new Date(), new Date(), broken);
    expect(unreached).toEqual([{ part: 'the tables', pipeline: 'a', why: 'postgres://etl:***@db does not answer' }]);
    expect(pipelines.map(({ unknown, runs }) => [unknown, runs?.succeeded])).toEqual([
      [['stale-table'], 0],
      [[], 0],
    ]);
  });
});

describe('the age of a table', () => {
  let folder: string;
  let warehouse: Warehouse;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-ages-'));
    warehouse = createDuckDBWarehouse({ path: join(folder, 'warehouse.duckdb'), limits: { memoryLimit: '512MB', threads: 1, scratchDir: join(folder, 'scratch') } });
  });
  afterAll(async () => {
    await warehouse.close();
    await rm(folder, { recursive: true, force: true });
  });

  const NOW = new Date('2026-02-03T12:00:00.000Z');
  const ages = (...tables: string[]) => tableAges(warehouse, tables.map((table) => ({ table, mostHours: 27 })), NOW, signal);
  const load = (pipeline: string, day: string, publishedAt: string, rows: Record<string, number>): Promise<void> => {
    const start = `${day}T00:00:00.000Z`;
    const end = new Date(Date.parse(start) + 24 * HOUR_MS).toISOString();
    return warehouse.replaceRows(LEDGER, { pipeline, interval_start: start }, [[pipeline, start, end, 1, 'run', JSON.stringify(rows), '{}', publishedAt]]);
  };

  it('is unknown as long as nothing was published', async () => {
    expect(await ages('orders')).toEqual([{ table: 'orders', mostHours: 27 }]);
    await load('ecommerce-daily', '2026-01-01', '2026-01-02T01:00:00.000Z', { daily_revenue_by_country: 1 });
    expect(await ages('orders')).toEqual([{ table: 'orders', mostHours: 27 }]);
  });

  it('is that of the newest interval, whatever was published later for an older one', async () => {
    await load('ecommerce-daily', '2026-02-01', '2026-02-02T01:00:00.000Z', { orders: 5 });
    await load('ecommerce-daily', '2026-01-15', '2026-02-03T11:00:00.000Z', { orders: 5 });
    expect(await ages('orders')).toEqual([{ table: 'orders', mostHours: 27, ageSeconds: 36 * 3600, publishedAt: '2026-02-02T01:00:00.000Z' }]);
  });

  it('is no less than the time since its publication, for an interval that is not over', async () => {
    await load('kafka-signups', '2026-02-03', '2026-02-03T02:00:00.000Z', { user_signups: 1 });
    expect(await ages('user_signups')).toMatchObject([{ ageSeconds: 10 * 3600 }]);
  });

  it('counts loads of every pipeline that publishes it', async () => {
    await load('s3-etl', '2026-01-20', '2026-01-21T02:00:00.000Z', { retail_sales: 1, retail_sales_by_country: 1 });
    await load('s3-etl-modular', '2026-02-02', '2026-02-03T02:00:00.000Z', { retail_sales: 0 });
    expect(await ages('retail_sales', 'retail_sales_by_country')).toMatchObject([{ ageSeconds: 12 * 3600 }, { ageSeconds: (13 * 24 + 12) * 3600 }]);
  });
});
