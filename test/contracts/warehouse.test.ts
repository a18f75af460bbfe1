import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DuckDBLimits } from '../../src/duckdb/duckdb.js';
import { createDuckDBWarehouse } from '../../src/warehouse/duckdb.js';
import { createPostgresWarehouse } from '../../src/warehouse/postgres.js';
import { postgresError } from '../../src/warehouse/postgres-errors.js';
import type { PublishRequest, TableSpec, Warehouse } from '../../src/warehouse/warehouse.js';
import { locatePostgres, startPostgres, type PostgresServer } from '../servers/postgres.js';
import { locateRedshift, startRedshift } from '../servers/redshift.js';
import { writeParquet } from '../support/parquet-files.js';
import { VERSIONED } from '../support/versioned-table.js';
import { describeWithServer } from '../support/with-server.js';
import { outcome, warehouseContract, type WarehouseUnderTest } from './warehouse.contract.js';

const limitsIn = (folder: string): DuckDBLimits => ({ memoryLimit: '512MB', threads: 2, scratchDir: join(folder, 'scratch') });
const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'millrace-warehouse-'));
const { signal } = new AbortController();

async function duckdb(): Promise<WarehouseUnderTest> {
  const folder = await temporaryFolder();
  return {
    open: () => createDuckDBWarehouse({ path: join(folder, 'new folder', 'warehouse.duckdb'), limits: limitsIn(folder) }),
    slowQuery: 'SELECT CAST(sum(a.range * b.range % 7) AS BIGINT) AS n FROM range(10000000) AS a, range(1000000) AS b',
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}

async function postgres(): Promise<WarehouseUnderTest> {
  const folder = await temporaryFolder();
  const server = await startPostgres();
  const admin = new Client({ ...server });
  await admin.connect();
  return {
    open: () => createPostgresWarehouse({ ...server, applicationName: 'under test', limits: limitsIn(folder) }),
    slowQuery: 'SELECT sum(a * b % 7)::bigint AS n FROM generate_series(1, 10000000) AS a, generate_series(1, 1000000) AS b',
    untilSlowQuery: (state) => until(async () => (await activity(admin, '%generate_series%')).length > 0 === (state === 'running')),
    withWrongPassword: (password) => createPostgresWarehouse({ ...server, password, limits: limitsIn(folder) }),
    async stop() {
      await admin.end();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function redshift(): Promise<WarehouseUnderTest> {
  const folder = await temporaryFolder();
  const stack = await startRedshift();
  const admin = new Client({ ...stack.postgres });
  await admin.connect();
  return {
    open: () => stack.warehouse(limitsIn(folder)),
    slowQuery: 'SELECT CAST(SUM(a.attnum * b.attnum * c.attnum % 7) AS bigint) AS n FROM pg_attribute AS a, pg_attribute AS b, pg_attribute AS c',
    untilSlowQuery: (state) => until(async () => (await activity(admin, '%pg_attribute AS c%')).length > 0 === (state === 'running')),
    withWrongPassword: (secretAccessKey) => stack.warehouse(limitsIn(folder), { credentials: { accessKeyId: stack.s3.accessKeyId, secretAccessKey } }),
    async stop() {
      await admin.end();
      await stack.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

warehouseContract('DuckDB', duckdb);
describeWithServer('with a PostgreSQL server', locatePostgres, () => warehouseContract('PostgreSQL', postgres));
describeWithServer('with a Redshift Data API', locateRedshift, () => warehouseContract('Redshift', redshift));

/** One row of one interval, from a query: enough to show whose publication stands. */
function publication(generation: number, label: string, target = 'labels', day = 1): PublishRequest {
  const [start, end] = [`2026-01-0${day}`, `2026-01-0${day + 1}`];
  const table: TableSpec = {
    name: target,
    columns: [{ name: 'interval_start', type: 'timestamp' }, { name: 'interval_end', type: 'timestamp' }, { name: 'label', type: 'text' }],
    key: ['label'],
  };
  const query = `SELECT TIMESTAMP '${start}' AS interval_start, TIMESTAMP '${end}' AS interval_end, '${label}' AS label`;
  return {
    pipeline: 'labels',
    interval: { start: `${start}T00:00:00Z`, end: `${end}T00:00:00Z` },
    generation,
    run: `run-${generation}`,
    sources: {},
    tables: [{ target: table, from: { query }, mode: 'replace-interval' }],
  };
}

describe('DuckDB in a file', () => {
  let folder: string;
  let path: string;
  let warehouse: Warehouse;
  const children = new Set<ChildProcess>();

  beforeEach(async () => {
    folder = await temporaryFolder();
    path = join(folder, 'warehouse.duckdb');
    warehouse = createDuckDBWarehouse({ path, limits: limitsIn(folder), waitMs: 200 });
  });
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
    await rm(folder, { recursive: true, force: true });
  });

  const startScript = (name: string, ...args: string[]): ChildProcess => {
    const script = fileURLToPath(new URL(`../support/${name}`, import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    children.add(child);
    return child;
  };

  test('says that nothing has been published yet while there is no file, and does not create one', async () => {
    await expect(warehouse.query('SELECT 1')).rejects.toMatchObject({ code: 'WAREHOUSE_REJECTED', message: expect.stringContaining('Nothing has been published yet') as string });
    expect(await warehouse.describe('orders')).toBeUndefined();
    await warehouse.dropStaging(['stg_orders']);
    expect(await warehouse.check()).toContain('with the first load');
    await expect(warehouse.query('SELECT 1')).rejects.toMatchObject({ code: 'WAREHOUSE_REJECTED' });
  });

  test.each([['text', 'this is not a database'], ['nothing', ''], ['noise', 'x'.repeat(50_000)]])('says what to do about a file of %s', async (_name, content) => {
    await writeFile(path, content);
    const damaged = { code: 'WAREHOUSE_REJECTED', message: expect.stringMatching(/warehouse\.duckdb.*restore it from a backup, or move it away/) as string };
    await expect(warehouse.query('SELECT 1')).rejects.toMatchObject(damaged);
    await expect(warehouse.publish(publication(1, 'a'), { signal })).rejects.toMatchObject(damaged);
  });

  test('rejects a folder in the place of the file', async () => {
    await mkdir(path);
    await expect(warehouse.query('SELECT 1')).rejects.toMatchObject({ code: 'WAREHOUSE_REJECTED' });
  });

  test('is busy while another process holds the file, and usable afterwards', async () => {
    await warehouse.publish(publication(1, 'mine'), { signal });
    const holder = startScript('hold-duckdb-file.ts', path);
    await once(createInterface(holder.stdout!), 'line');
    const busy = { code: 'WAREHOUSE_BUSY', message: expect.stringMatching(/in use by another process/) as string };
    await expect(warehouse.query('SELECT 1')).rejects.toMatchObject(busy);
    await expect(warehouse.publish(publication(2, 'blocked'), { signal })).rejects.toMatchObject(busy);
    const patient = createDuckDBWarehouse({ path, limits: limitsIn(folder) });
    const waiting = patient.publish(publication(2, 'after all'), { signal });
    holder.stdin!.end();
    await waiting;
    expect((await warehouse.query('SELECT label FROM labels')).rows).toEqual([['after all']]);
  });

  test('stops waiting for another process when the step is cancelled', async () => {
    const holder = startScript('hold-duckdb-file.ts', path);
    await once(createInterface(holder.stdout!), 'line');
    const cancelled = new AbortController();
    const reason = new Error('the step was cancelled');
    const waiting = createDuckDBWarehouse({ path, limits: limitsIn(folder) }).publish(publication(1, 'never'), { signal: cancelled.signal });
    cancelled.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  test('serves readers and writers of one process at the same time', async () => {
    await warehouse.publish(publication(0, 'start'), { signal });
    const work: Promise<unknown>[] = [];
    for (let generation = 1; generation <= 20; generation += 1) {
      work.push(createDuckDBWarehouse({ path, limits: limitsIn(folder) }).publish(publication(generation, `label ${generation}`), { signal: new AbortController().signal }));
      work.push(warehouse.query('SELECT count(*) FROM labels').then(({ rows }) => expect(rows).toEqual([['1']])));
    }
    expect((await Promise.allSettled(work)).filter((result) => result.status === 'rejected')).toEqual([]);
    expect((await warehouse.query('SELECT label FROM labels')).rows).toEqual([['label 20']]);
  });

  test('is consistent after its writer was killed, again and again', { timeout: 120_000 }, async () => {
    const patient = createDuckDBWarehouse({ path, limits: limitsIn(folder) });
    let generation = 1;
    for (let round = 0; round < 5; round += 1) {
      const writer = startScript('publish-forever.ts', path, String(generation), folder);
      const started = createInterface(writer.stdout!)[Symbol.asyncIterator]();
      for (let seen = 0; seen < 4 + round; seen += 1) generation = Number((await started.next()).value);
      // The writer is now somewhere in the publication that it has announced: a different place in every round.
      await new Promise((resolve) => setTimeout(resolve, round * 4));
      writer.kill('SIGKILL');
      await once(writer, 'exit');
      expect(writer.signalCode).toBe('SIGKILL');

      const { rows } = await patient.query(
        `SELECT l.generation, count(*), count(DISTINCT v.version), min(v.version), count(DISTINCT v.filler)
         FROM millrace_loads AS l JOIN ${VERSIONED.name} AS v ON v.interval_start = l.interval_start GROUP BY l.generation, l.interval_start ORDER BY 1`,
      );
      expect(rows).toHaveLength(3);
      for (const [version, count, versions, found, distinct] of rows) {
        expect([count, versions, found, distinct]).toEqual([String(1000 + Number(version)), '1', version, count]);
      }
      generation += 1;
    }
  });
});

describeWithServer('PostgreSQL as a server', locatePostgres, () => {
  let folder: string;
  let server: PostgresServer;
  let admin: Client;
  /** A session of somebody else's. */
  let other: Client;
  let warehouse: Warehouse;

  beforeAll(async () => {
    folder = await temporaryFolder();
    server = await startPostgres();
    admin = new Client({ ...server });
    other = new Client({ ...server });
    await Promise.all([admin.connect(), other.connect()]);
    warehouse = createPostgresWarehouse({ ...server, applicationName: 'millrace test', limits: limitsIn(folder) });
  });
  afterAll(async () => {
    await Promise.all([warehouse.close(), admin.end(), other.end()]);
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('a publisher waits for the one that holds the ledger row, and gives way when that one is newer', async () => {
    await warehouse.publish(publication(1, 'first'), { signal });
    await other.query(`BEGIN; UPDATE millrace_loads SET generation = 9, run = 'run-9' WHERE pipeline = 'labels'`);
    const older = warehouse.publish(publication(5, 'older'), { signal });
    const newer = warehouse.publish(publication(10, 'newer'), { signal });
    const results = Promise.allSettled([older, newer]);
    await until(async () => (await activity(admin, 'INSERT INTO "millrace_loads"%', 'Lock')).length === 2);
    await other.query('COMMIT');
    const [stale, published] = await results;
    // The newer one may have been let in first; the older one meets a higher generation either way.
    expect(stale).toMatchObject({ status: 'rejected', reason: { code: 'STALE_RUN', message: expect.stringMatching(/run-5.*run-(9|10)/) as string } });
    expect(published).toMatchObject({ status: 'fulfilled' });
    expect((await warehouse.query('SELECT label FROM labels')).rows).toEqual([['newer']]);
  });

  test('two publishers that create the same table at the same time both succeed', async () => {
    const days = [1, 2, 3, 4, 5];
    // Each its own interval: publishers of one interval would wait for each other at the ledger instead.
    const requests = days.map((day) => publication(1, `day ${day}`, 'created_together', day));
    const others = days.map(() => createPostgresWarehouse({ ...server, schema: 'brand "new"', limits: limitsIn(folder) }));
    const published = await Promise.allSettled(requests.map((request, index) => others[index]!.publish(request, { signal })));
    await Promise.all(others.map((other) => other.close()));
    for (const result of published) expect(result.status === 'rejected' ? String(result.reason) : 'published').toBe('published');
  });

  test('a schema of its own keeps its tables apart from others', async () => {
    const mine = createPostgresWarehouse({ ...server, schema: 'Sales "EU"', limits: limitsIn(folder) });
    await mine.publish(publication(1, 'apart', 'apart'), { signal });
    expect((await mine.query('SELECT label FROM apart')).rows).toEqual([['apart']]);
    expect(await warehouse.describe('apart')).toBeUndefined();
    expect((await admin.query('SELECT label FROM "Sales ""EU""".apart')).rows).toEqual([{ label: 'apart' }]);
    await mine.close();
  });

  test('a text with a NUL character is refused before the load, by column', async () => {
    const table: TableSpec = { name: 't', columns: [{ name: 'note', type: 'text' }], key: [] };
    const file = await writeParquet(folder, 'nul.parquet', `SELECT 'a' || chr(0) || 'b' AS note`);
    await expect(warehouse.stage('stg_nul', table, [file], { signal })).rejects.toMatchObject({ code: 'WAREHOUSE_REJECTED', message: expect.stringContaining('"a\\u0000b"') as string, details: { column: 'note' } });
    expect(() => warehouse.dialect.literal('a\0b')).toThrow(/NUL/);
  });

  test('a value that only the server refuses names the line and the column, and leaves no table', async () => {
    const table: TableSpec = { name: 't', columns: [{ name: 'founded', type: 'date' }], key: [] };
    const file = await writeParquet(folder, 'far.parquet', `SELECT CASE WHEN i = 50000 THEN DATE '5881000-01-01' ELSE DATE '2026-01-01' END AS founded FROM range(200000) AS r(i)`);
    await expect(warehouse.stage('stg_far', table, [file], { signal })).rejects.toMatchObject({ code: 'WAREHOUSE_REJECTED', message: expect.stringMatching(/line 50001, column founded/) as string });
    expect(await warehouse.describe('stg_far')).toBeUndefined();
    expect((await warehouse.query('SELECT 1 AS one')).rows).toEqual([[1]]);
  });

  test('a load that is cancelled while it waits for a lock ends at once', async () => {
    const table: TableSpec = { name: 't', columns: [{ name: 'x', type: 'integer' }], key: [] };
    const file = await writeParquet(folder, 'locked.parquet', 'SELECT 1::INTEGER AS x');
    await warehouse.stage('stg_locked', table, [file], { signal });
    await other.query('BEGIN; LOCK TABLE stg_locked');
    const cancelled = new AbortController();
    const reason = new Error('the step was cancelled');
    const ended = outcome(warehouse.stage('stg_locked', table, [file], { signal: cancelled.signal }));
    await until(async () => (await activity(admin, 'DROP TABLE%', 'Lock')).length === 1);
    cancelled.abort(reason);
    expect(await ended).toBe(reason);
    await until(async () => (await activity(admin, 'DROP TABLE%')).length === 0);
    await other.query('ROLLBACK');
  });

  test('a load that is cancelled while its rows are sent leaves no table', async () => {
    const table: TableSpec = { name: 't', columns: [{ name: 'x', type: 'bigint' }, { name: 'note', type: 'text' }], key: [] };
    const file = await writeParquet(folder, 'long.parquet', `SELECT i AS x, repeat('x', 40) AS note FROM range(3000000) AS r(i)`);
    const cancelled = new AbortController();
    const reason = new Error('the step was cancelled');
    const ended = outcome(warehouse.stage('stg_long', table, [file], { signal: cancelled.signal }));
    await until(async () => (await activity(admin, 'COPY%')).length === 1);
    cancelled.abort(reason);
    expect(await ended).toBe(reason);
    await until(async () => (await activity(admin, 'COPY%')).length === 0);
    expect(await warehouse.describe('stg_long')).toBeUndefined();
  });

  test('a session that the server ends is unavailable, and the next statement gets a new one', async () => {
    const ended = outcome(warehouse.query('SELECT pg_sleep(60)'));
    await until(async () => (await activity(admin, '%pg_sleep(60)%')).length === 1);
    await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()`);
    expect(await ended).toMatchObject({ code: 'WAREHOUSE_UNAVAILABLE' });
    expect((await warehouse.query('SELECT 1 AS one')).rows).toEqual([[1]]);
  });

  test('an idle session that the server ends is not noticed by anybody', async () => {
    await warehouse.query('SELECT 1');
    await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'millrace test'`);
    await until(async () => (await admin.query(`SELECT 1 FROM pg_stat_activity WHERE application_name = 'millrace test'`)).rowCount === 0);
    expect((await warehouse.query('SELECT 1 AS one')).rows).toEqual([[1]]);
  });

  test('a user without rights is forbidden to write, and the check says which right is missing', async () => {
    await admin.query(`CREATE ROLE reader LOGIN PASSWORD 'reads'; REVOKE CREATE ON SCHEMA public FROM PUBLIC`);
    const reader = createPostgresWarehouse({ ...server, user: 'reader', password: 'reads', limits: limitsIn(folder) });
    await expect(reader.publish(publication(1, 'a', 'forbidden'), { signal })).rejects.toMatchObject({ code: 'WAREHOUSE_FORBIDDEN' });
    await expect(reader.check()).rejects.toMatchObject({ code: 'WAREHOUSE_FORBIDDEN', message: expect.stringContaining('GRANT CREATE ON SCHEMA') as string });
    await reader.close();
  });

  test('a database that does not exist is rejected by name', async () => {
    const lost = createPostgresWarehouse({ ...server, database: 'nowhere', limits: limitsIn(folder) });
    await expect(lost.check()).rejects.toMatchObject({ code: 'WAREHOUSE_REJECTED', message: expect.stringContaining('database "nowhere" does not exist') as string });
    await lost.close();
  });

  test('a server without TLS is refused when the connection asks for it', async () => {
    const strict = createPostgresWarehouse({ ...server, ssl: true, limits: limitsIn(folder) });
    await expect(strict.check()).rejects.toMatchObject({ code: 'WAREHOUSE_FORBIDDEN', message: expect.stringContaining('TLS') as string });
    await strict.close();
  });

  test('a host that does not exist and a server that has stopped are unavailable', async () => {
    const stopped = await startPostgres();
    const mine = createPostgresWarehouse({ ...stopped, limits: limitsIn(folder) });
    await mine.check();
    await stopped.stop();
    for (const work of [() => mine.query('SELECT 1'), () => mine.publish(publication(1, 'a'), { signal }), () => mine.check()]) {
      await expect(work()).rejects.toMatchObject({ code: 'WAREHOUSE_UNAVAILABLE' });
    }
    await mine.close();
    const nowhere = createPostgresWarehouse({ ...server, host: 'no-such-host.invalid', limits: limitsIn(folder) });
    await expect(nowhere.check()).rejects.toMatchObject({ code: 'WAREHOUSE_UNAVAILABLE' });
    await nowhere.close();
  });

  test.each([
    ['40001', 'WAREHOUSE_BUSY'],
    ['40P01', 'WAREHOUSE_BUSY'],
    ['55P03', 'WAREHOUSE_BUSY'],
    ['53300', 'WAREHOUSE_UNAVAILABLE'],
    ['57P03', 'WAREHOUSE_UNAVAILABLE'],
    ['08006', 'WAREHOUSE_UNAVAILABLE'],
    ['28P01', 'WAREHOUSE_FORBIDDEN'],
    ['42501', 'WAREHOUSE_FORBIDDEN'],
    ['22012', 'WAREHOUSE_REJECTED'],
  ])('SQLSTATE %s from the server means %s, and its message keeps the password to itself', async (state, code) => {
    const raised = await admin.query(`DO $$ BEGIN RAISE 'it was s3cret%%' USING ERRCODE = '${state}'; END $$`).catch((error: unknown) => error);
    const error = postgresError(raised, { description: 'postgres://host/db', user: 'loader', password: 's3cret%' }, "SET password = 's3cret%'");
    expect(error.code).toBe(code);
    expect(error.message).toContain(state);
    expect(JSON.stringify([error.message, String(error.cause)])).not.toContain('s3cret');
  });
});

/** Statements of other sessions that look like this and run now, or wait as given. */
async function activity(admin: Client, like: string, wait?: 'Lock'): Promise<unknown[]> {
  const { rows } = await admin.query<{ query: string }>(
    `SELECT query FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE $1 AND ($2::text IS NULL OR wait_event_type = $2)`,
    [like, wait ?? null],
  );
  return rows;
}

/** Polls until the condition holds; the test's own timeout ends it when it never does. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}
