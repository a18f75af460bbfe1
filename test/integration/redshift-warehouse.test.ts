import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { CancelStatementCommand, ListStatementsCommand, RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DuckDBLimits } from '../../src/duckdb/duckdb.js';
import type { MillraceError } from '../../src/errors.js';
import { createS3Store } from '../../src/object-store/s3.js';
import type { ObjectStore } from '../../src/object-store/object-store.js';
import { redshiftDialect } from '../../src/warehouse/redshift-dialect.js';
import { redshiftError, StatementFailed } from '../../src/warehouse/redshift-errors.js';
import type { ObjectFormat, ObjectReference, PublishRequest, StagedObjects, TableSpec, Warehouse } from '../../src/warehouse/warehouse.js';
import { locateRedshift, startRedshift, type RedshiftStack } from '../servers/redshift.js';
import { writeParquet } from '../support/parquet-files.js';
import { describeWithServer } from '../support/with-server.js';

const ITEMS: TableSpec = {
  name: 'items',
  columns: [{ name: 'id', type: 'bigint' }, { name: 'name', type: 'text', nullable: true }, { name: 'price', type: { decimal: [18, 2] }, nullable: true }],
  key: ['id'],
};
const CSV: ObjectFormat = { kind: 'csv', header: true };
const SLOW = 'SELECT CAST(SUM(a.attnum * b.attnum * c.attnum % 7) AS bigint) AS n FROM pg_attribute AS a, pg_attribute AS b, pg_attribute AS c';
const { signal } = new AbortController();

/** One row of one interval, from a query. */
function publication(generation: number, label: string, target = 'labels'): PublishRequest {
  const table: TableSpec = { name: target, columns: [{ name: 'interval_start', type: 'timestamp' }, { name: 'interval_end', type: 'timestamp' }, { name: 'label', type: 'text' }], key: ['label'] };
  const query = `SELECT TIMESTAMP '2026-01-01' AS interval_start, TIMESTAMP '2026-01-02' AS interval_end, '${label}' AS label`;
  return { pipeline: target, interval: { start: '2026-01-01T00:00:00Z', end: '2026-01-02T00:00:00Z' }, generation, run: `run-${generation}`, sources: {}, tables: [{ target: table, from: { query }, mode: 'replace-interval' }] };
}

describeWithServer('Redshift behind its Data API', locateRedshift, () => {
  let folder: string;
  let stack: RedshiftStack;
  let warehouse: Warehouse;
  let store: ObjectStore;
  let admin: Client;
  let seen = 0;
  let names = 0;

  const limits = (): DuckDBLimits => ({ memoryLimit: '256MB', threads: 1, scratchDir: folder });
  const fresh = (prefix: string): string => `${prefix}_${(names += 1)}`;
  /** Requests since the test began. */
  const calls = (operation: string) => stack.data.calls.slice(seen).filter((call) => call.operation === operation);
  const batches = (): string[][] => calls('BatchExecuteStatement').map(({ body }) => body['Sqls'] as string[]);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-redshift-'));
    stack = await startRedshift({ limits: { rowsPerPage: 1000 } });
    warehouse = stack.warehouse(limits());
    store = createS3Store(stack.s3.access(stack.bucket));
    admin = new Client({ ...stack.postgres });
    await admin.connect();
  });
  beforeEach(() => {
    seen = stack.data.calls.length;
  });
  afterAll(async () => {
    await Promise.all([warehouse?.close(), store?.close(), admin?.end()]);
    await stack?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const object = async (key: string, body: string | Buffer, rows?: number): Promise<ObjectReference> => {
    const { bytes } = await store.put(key, body);
    return { uri: store.uri(key), bytes, ...(rows !== undefined && { rows }) };
  };
  const stageObjects = (staging: string, objects: ObjectReference[], more: { format?: ObjectFormat; maxRejected?: number } = {}): Promise<StagedObjects> =>
    warehouse.stageObjects!(staging, ITEMS, objects, { signal, format: CSV, ...more });
  const items = async (staging: string): Promise<unknown> => (await warehouse.query(`SELECT id, name, price FROM ${staging} ORDER BY id`)).rows;
  const waiting = async (count: number): Promise<void> => expect.poll(async () => (await admin.query('SELECT 1 FROM pg_locks WHERE NOT granted')).rowCount, { timeout: 20_000 }).toBe(count);

  describe('a statement', () => {
    test('is looked at with growing pauses, up to the longest one', async () => {
      const patient = stack.warehouse(limits(), { poll: { firstMs: 20, maxMs: 60 } });
      const release = stack.data.hold();
      const answer = patient.query('SELECT 1 AS one');
      await expect.poll(() => calls('DescribeStatement').length, { timeout: 20_000 }).toBeGreaterThan(6);
      release();
      expect((await answer).rows).toEqual([[1]]);
      const times = calls('DescribeStatement').map(({ at }) => at);
      const pauses = times.slice(1).map((at, index) => at - times[index]!);
      // A timer may be late and is never early, but for the rounding of clocks.
      for (const [index, expected] of [20, 30, 45, 60, 60, 60].entries()) expect(pauses[index]).toBeGreaterThanOrEqual(expected - 2);
      await patient.close();
    });

    test('whose answer was lost is submitted again with the same ClientToken, and runs once', async () => {
      const target = fresh('lost');
      await warehouse.publish(publication(1, 'first', target), { signal });
      seen = stack.data.calls.length;
      stack.data.upset('BatchExecuteStatement', 'lose-answer', 1);
      stack.data.upset('DescribeStatement', 'fail', 1);
      await warehouse.publish(publication(2, 'second', target), { signal });
      const tokens = calls('BatchExecuteStatement').map(({ body }) => body['ClientToken']);
      expect(tokens[0]).toBe(tokens[1]);
      expect(new Set(tokens).size).toBe(tokens.length - 1);
      expect((await warehouse.query(`SELECT label FROM ${target}`)).rows).toEqual([['second']]);
    });

    test('has a ClientToken of its own with every call, where the caller gives none', async () => {
      await warehouse.query('SELECT 1');
      await warehouse.query('SELECT 1');
      const [first, second] = calls('BatchExecuteStatement').map(({ body }) => body['ClientToken']);
      expect(first).toBeTypeOf('string');
      expect(second).not.toBe(first);
    });

    test('is cancelled on the server when its step is cancelled, also while it is being submitted', async () => {
      const release = stack.data.hold();
      const cancelled = new AbortController();
      const reason = new Error('the step was cancelled');
      const ended = warehouse.query(SLOW, { signal: cancelled.signal }).catch((error: unknown) => error);
      await expect.poll(() => calls('BatchExecuteStatement').length).toBe(1);
      cancelled.abort(reason);
      await expect.poll(() => calls('CancelStatement').length, { timeout: 20_000 }).toBe(1);
      release();
      expect(await ended).toBe(reason);
      expect((await admin.query("SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_attribute AS c%' AND pid <> pg_backend_pid()")).rowCount).toBe(0);
    });

    test('of a batch is read by its sub-statement id, page by page, and no further than was asked for', async () => {
      const many = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) SELECT CAST(i AS bigint) + 9007199254740992 AS big FROM n ORDER BY i';
      const { rows } = await warehouse.query(many);
      expect([rows.length, rows[0], rows[1], rows.at(-1)]).toEqual([2500, ['9007199254740993'], ['9007199254740994'], ['9007199254743492']]);
      expect(calls('GetStatementResult').map(({ body }) => String(body['Id']).replace(/^[^:]+/, ''))).toEqual([':1', ':1', ':1']);
      seen = stack.data.calls.length;
      expect((await warehouse.query(many, { maxRows: 1500 })).rows).toHaveLength(1500);
      expect(calls('GetStatementResult')).toHaveLength(2);
    });

    test('that is longer than the service takes, and a batch of too many, are refused before they are sent', async () => {
      await expect(warehouse.query(`SELECT '${'x'.repeat(100_000)}' AS x`)).rejects.toMatchObject({ code: 'WAREHOUSE_REJECTED', message: expect.stringContaining('100000') as string });
      const table: TableSpec = { name: fresh('wide'), columns: [{ name: 'run', type: 'text' }, { name: 'note', type: 'text' }], key: [] };
      await expect(warehouse.replaceRows(table, { run: 'a' }, Array.from({ length: 60 }, () => ['a', 'x'.repeat(60_000)]))).rejects.toMatchObject({ code: 'WAREHOUSE_REJECTED', message: expect.stringMatching(/\d+ statements are more than the 40/) as string });
      await warehouse.replaceRows(table, { run: 'a' }, Array.from({ length: 30 }, () => ['a', 'x'.repeat(60_000)]));
      expect((await warehouse.query(`SELECT COUNT(*) FROM ${table.name}`)).rows).toEqual([['30']]);
    });

    test.each(['SELECT * INTO copied FROM pg_class', "SELECT 'a\\'; DROP TABLE x; --'", 'WITH x AS (SELECT 1) DELETE FROM y', 'CALL p()', 'TRUNCATE x', "SELECT 1; -- '\nDROP TABLE x"])('that does more than read is refused as a query: %s', async (sql) => {
      await expect(warehouse.query(sql)).rejects.toMatchObject({ code: 'WAREHOUSE_REJECTED' });
      expect(calls('BatchExecuteStatement')).toEqual([]);
    });

    test('that only looks as if it wrote is run', async () => {
      expect((await warehouse.query(`SELECT 'x; DROP TABLE y' AS "into" -- DELETE\n;`)).rows).toEqual([['x; DROP TABLE y']]);
    });
  });

  describe('a token made by the workflow', () => {
    test('lets a retry find the statement of an attempt whose worker has died, and starts no second one', async () => {
      const target = fresh('found');
      await warehouse.publish(publication(1, 'before', target), { signal });
      seen = stack.data.calls.length;
      const [dying, next] = [stack.warehouse(limits()), stack.warehouse(limits())];
      const call = { signal, token: randomUUID() };
      await admin.query('BEGIN; LOCK TABLE millrace_loads');
      const lost = dying.publish(publication(2, 'after', target), call).catch(() => undefined);
      const isPublication = (sqls: string[]): boolean => sqls.some((sql) => sql.startsWith('LOCK'));
      await expect.poll(() => batches().filter(isPublication).length, { timeout: 20_000 }).toBe(1);
      await waiting(1);
      const retried = next.publish(publication(2, 'after', target), call);
      await expect.poll(() => batches().filter(isPublication).length, { timeout: 20_000 }).toBe(2);
      await admin.query('COMMIT');
      expect(await retried).toEqual({ rows: { [target]: 1 } });
      await lost;
      const submitted = calls('BatchExecuteStatement').filter(({ body }) => isPublication(body['Sqls'] as string[]));
      expect(new Set(submitted.map(({ body }) => body['ClientToken'])).size).toBe(1);
      expect(await listedPublications(target)).toBe(2);
      await Promise.all([dying.close(), next.close()]);
    });

    test('runs a statement again that has failed in an earlier attempt', async () => {
      const staging = fresh('stg');
      const references = [{ uri: store.uri(`late/${staging}.csv`), bytes: 14 }];
      const call = { signal, format: CSV, token: randomUUID() };
      await expect(warehouse.stageObjects!(staging, ITEMS, references, call)).rejects.toMatchObject({ message: expect.stringContaining('does not exist') as string });
      await object(`late/${staging}.csv`, 'id,name,price\n');
      // Two attempts of a step are seconds apart, and the service's clock shows whole ones.
      const loaded = await vi.waitFor(() => warehouse.stageObjects!(staging, ITEMS, references, call), { timeout: 20_000, interval: 500 });
      expect(loaded).toEqual({ rows: 0, rejected: 0, rejects: [] });
      expect(await items(staging)).toEqual([]);
    });

    /** Distinct publications of this table that the service has run. */
    async function listedPublications(target: string): Promise<number> {
      const client = new RedshiftDataClient({ region: stack.data.region, endpoint: stack.data.endpoint, credentials: { accessKeyId: stack.s3.accessKeyId, secretAccessKey: stack.s3.secretAccessKey } });
      const { Statements = [] } = await client.send(new ListStatementsCommand({ Status: 'FINISHED' }));
      client.destroy();
      return Statements.filter(({ QueryStrings = [] }) => QueryStrings[0]?.startsWith('LOCK') && QueryStrings.some((sql) => sql.includes(target))).length;
    }
  });

  describe('staging', () => {
    const table: TableSpec = { name: 'numbers', columns: [{ name: 'x', type: 'bigint' }], key: [] };

    test('loads by a manifest of mandatory entries, so that a stray file under the prefix is not loaded', async () => {
      const staging = fresh('stg');
      await store.put(`millrace/${staging}/stray.parquet`, 'not even Parquet');
      const file = await writeParquet(folder, `${staging}.parquet`, 'SELECT range AS x FROM range(10)');
      expect(await warehouse.stage(staging, table, [file], { signal })).toEqual({ rows: 10 });
      const copy = batches().flat().find((sql) => sql.startsWith('COPY')) ?? '';
      const manifest = JSON.parse(await textOf(/FROM '([^']+)'/.exec(copy)?.[1] ?? '')) as { entries: unknown[] };
      expect(manifest.entries).toEqual([{ url: expect.stringMatching(/[0-9a-f]{64}\.parquet$/) as string, mandatory: true, meta: { content_length: expect.any(Number) as number } }]);
      await warehouse.dropStaging([staging]);
      expect((await stack.staged()).filter((uri) => uri.includes(staging))).toEqual([]);
    });

    test('splits a large load into files that are loaded at the same time', async () => {
      const staging = fresh('stg');
      const file = await writeParquet(folder, `${staging}.parquet`, 'SELECT CAST(hash(range) % 9000000000000000000 AS BIGINT) AS x FROM range(500000)');
      const splitting = stack.warehouse(limits(), { fileBytes: 1_000_000 });
      expect(await splitting.stage(staging, table, [file], { signal })).toEqual({ rows: 500_000 });
      await splitting.close();
      expect((await stack.staged()).filter((uri) => uri.includes(`${staging}/`) && uri.endsWith('.parquet')).length).toBeGreaterThan(2);
    });

    test('refuses a text that is longer than a column, by name, and never cuts it off', async () => {
      const text: TableSpec = { name: 'texts', columns: [{ name: 'note', type: 'text' }], key: [] };
      const staging = fresh('stg');
      await warehouse.stage(staging, text, [await writeParquet(folder, `${staging}.parquet`, "SELECT repeat('é', 32767) || 'x' AS note")], { signal });
      expect((await warehouse.query(`SELECT LEN(note) FROM ${staging}`)).rows).toEqual([[32_768]]);
      const longer = await writeParquet(folder, `${staging}-longer.parquet`, "SELECT repeat('é', 32768) AS note");
      await expect(warehouse.stage(staging, text, [longer], { signal })).rejects.toMatchObject({ code: 'WAREHOUSE_REJECTED', details: { column: 'note', values: 1 } });
    });

    test('takes objects that are in S3 already, in their columns’ order, zipped or not', async () => {
      const staging = fresh('stg');
      const objects = [
        await object(`in/${staging}/a.csv.gz`, gzipSync('price,id,name\n2.50,1,"a, ""b"""\n,9007199254740993,\n'), 2),
        await object(`in/${staging}/b.csv.gz`, gzipSync('price,id,name\n1,2,"line\nbreak"\n'), 1),
      ];
      await object(`in/${staging}/a.csv.gz.stray`, 'stray');
      expect(await stageObjects(staging, objects, { format: { kind: 'csv', header: true, gzip: true, columns: ['price', 'id', 'name'] } })).toEqual({ rows: 3, rejected: 0, rejects: [] });
      expect(await items(staging)).toEqual([['1', 'a, "b"', '2.50'], ['2', 'line\nbreak', '1.00'], ['9007199254740993', null, null]]);
      expect(calls('BatchExecuteStatement')[0]?.body['Sqls']).toHaveLength(5);
    });

    test('names file, line, column and reason of rows that cannot be loaded, and keeps what was staged before', async () => {
      const staging = fresh('stg');
      await stageObjects(staging, [await object(`in/${staging}/good.csv`, 'id,name,price\n1,a,1\n')]);
      const bad = await object(`in/${staging}/bad.csv`, 'id,name,price\n1,a,1\n2,b,"12,5"\n');
      const refused = await stageObjects(staging, [bad]).catch((error: unknown) => error as MillraceError);
      expect(refused).toMatchObject({ code: 'WAREHOUSE_REJECTED', retryable: false, details: { rejects: [{ file: bad.uri, line: 3, column: 'price', reason: expect.stringContaining("Value ','") as string }] } });
      expect((refused as MillraceError).message).toContain(`${bad.uri}, line 3, column price: Invalid digit`);
      expect(await items(staging)).toEqual([['1', 'a', '1.00']]);
    });

    test('counts and reports the rows that COPY rejects where some may be, a text that is too long among them', async () => {
      const staging = fresh('stg');
      const csv = await object(`in/${staging}/rows.csv`, `id,name,price\n1,a,1\nx,b,1\n3,${'é'.repeat(40_000)},1\n4,d,1\n`, 4);
      const { rejects, ...counts } = await stageObjects(staging, [csv], { maxRejected: 2 });
      expect(counts).toEqual({ rows: 2, rejected: 2 });
      expect(rejects.map(({ line, column, reason }) => [line, column, reason])).toEqual([[3, 'id', "Invalid digit, Value 'x', Pos 0, Type: Long"], [4, 'name', 'String length exceeds DDL length']]);
      await expect(stageObjects(fresh('stg'), [csv], { maxRejected: 1 })).rejects.toMatchObject({ code: 'WAREHOUSE_REJECTED', details: { rejects: [{ line: 3 }, { line: 4 }] } });
      expect(batches().flat().filter((sql) => /TRUNCATECOLUMNS|ACCEPTINVCHARS/.test(sql))).toEqual([]);
    });

    test('is undone when an object holds other rows than it was said to, or is gone', async () => {
      const staging = fresh('stg');
      const csv = await object(`in/${staging}/rows.csv`, 'id,name,price\n1,a,1\n2,b,1\n', 3);
      await expect(stageObjects(staging, [csv])).rejects.toMatchObject({ code: 'WAREHOUSE_REJECTED', message: expect.stringMatching(/the objects hold 3\. The load was undone/) as string });
      expect(await warehouse.describe(staging)).toBeUndefined();
      await expect(stageObjects(staging, [csv], { maxRejected: 1 })).rejects.toMatchObject({ message: expect.stringContaining('2 rows arrived and 0 were rejected') as string });
      expect(await warehouse.describe(staging)).toBeUndefined();
      const gone = { uri: store.uri(`in/${staging}/gone.csv`), bytes: 1 };
      await expect(stageObjects(staging, [await object(`in/${staging}/rows.csv`, 'id,name,price\n1,a,1\n'), gone])).rejects.toMatchObject({ code: 'WAREHOUSE_REJECTED', message: expect.stringContaining('gone.csv') as string });
      expect(await warehouse.describe(staging)).toBeUndefined();
    });

    test('unloads a query as Parquet with a manifest, again over what an earlier attempt left, and takes it back', async () => {
      const [from, to] = [fresh('stg'), fresh('stg')];
      await stageObjects(from, [await object(`in/${from}/rows.csv`, `id,name,price\n1,"it's \\ ""x""",0.10\n2,,\n`)]);
      const prefix = store.uri(`out/${from}/`);
      const sql = `SELECT * FROM ${from} WHERE name <> ${redshiftDialect.literal("a'b\\c", 'text')} OR name IS NULL;`;
      expect(await warehouse.unload!(sql, prefix, { signal })).toEqual({ rows: 2, manifest: `${prefix}manifest` });
      const { manifest } = await warehouse.unload!(sql, prefix, { signal });
      const { entries } = JSON.parse(await textOf(manifest)) as { entries: { url: string; meta: { content_length: number; record_count: number } }[] };
      const objects = entries.map(({ url, meta }): ObjectReference => ({ uri: url, bytes: meta.content_length, rows: meta.record_count }));
      expect(await stageObjects(to, objects, { format: { kind: 'parquet' } })).toMatchObject({ rows: 2 });
      expect(await items(to)).toEqual([['1', `it's \\ "x"`, '0.10'], ['2', null, null]]);
      await expect(warehouse.unload!(`DROP TABLE ${from}`, prefix, { signal })).rejects.toMatchObject({ code: 'WAREHOUSE_REJECTED' });
    });

    async function textOf(uri: string): Promise<string> {
      const chunks: Buffer[] = [];
      for await (const chunk of (await store.get(store.keyOf(uri))).body) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString('utf8');
    }
  });

  describe('publishing', () => {
    test('is one batch that begins with the lock on the ledger, and holds no TRUNCATE', async () => {
      const target = fresh('batch');
      await warehouse.publish(publication(1, 'a', target), { signal });
      const writing = batches().filter((sqls) => sqls.some((sql) => /^(INSERT|DELETE)/.test(sql)));
      expect(writing).toHaveLength(1);
      expect(writing[0]?.[0]).toBe('LOCK "millrace_loads"');
      expect(writing[0]?.map((sql) => sql.split(' ')[0])).toEqual(['LOCK', 'SELECT', 'CREATE', 'CREATE', 'SELECT', 'DELETE', 'INSERT', 'DELETE', 'INSERT', 'SELECT']);
      expect(JSON.stringify(batches())).not.toMatch(/TRUNCATE/i);
    });

    test('waits for the one that holds the ledger, sees what it has committed, and gives way when it is newer', async () => {
      const target = fresh('fenced');
      await warehouse.publish(publication(1, 'first', target), { signal });
      await admin.query(`BEGIN; LOCK TABLE millrace_loads; UPDATE millrace_loads SET generation = 9, run = 'run-9' WHERE pipeline = '${target}'`);
      const results = Promise.allSettled([warehouse.publish(publication(5, 'older', target), { signal }), warehouse.publish(publication(10, 'newer', target), { signal })]);
      await waiting(2);
      await admin.query('COMMIT');
      const [stale, published] = await results;
      expect(stale).toMatchObject({ status: 'rejected', reason: { code: 'STALE_RUN', message: expect.stringMatching(/run-5.*run-(9|10)/) as string } });
      expect(published).toMatchObject({ status: 'fulfilled' });
      expect((await warehouse.query(`SELECT label FROM ${target}`)).rows).toEqual([['newer']]);
    });

    test('does not keep readers of the published tables waiting', async () => {
      const target = fresh('read');
      await warehouse.publish(publication(1, 'before', target), { signal });
      const slow = publication(2, 'after', target);
      const cancelled = new AbortController();
      const other: PublishRequest = { ...slow, tables: [...slow.tables, { target: { ...slow.tables[0]!.target, name: fresh('slow') }, from: { query: `SELECT TIMESTAMP '2026-01-01' AS interval_start, TIMESTAMP '2026-01-02' AS interval_end, CAST(n AS varchar(20)) AS label FROM (${SLOW}) AS slow` }, mode: 'replace-interval' }] };
      const ended = warehouse.publish(other, { signal: cancelled.signal }).catch((error: unknown) => error);
      await expect.poll(async () => (await admin.query("SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'CREATE TEMPORARY%pg_attribute AS c%'")).rowCount, { timeout: 20_000 }).toBe(1);
      expect((await warehouse.query(`SELECT label FROM ${target}`)).rows).toEqual([['before']]);
      const reason = new Error('enough');
      cancelled.abort(reason);
      expect(await ended).toBe(reason);
    });

    test('is tried again when somebody else changes the table at the same time', async () => {
      const target = fresh('busy');
      await warehouse.publish(publication(1, 'before', target), { signal });
      await admin.query(`BEGIN; UPDATE ${target} SET label = 'theirs'`);
      const ended = warehouse.publish(publication(2, 'ours', target), { signal }).catch((error: unknown) => error);
      await waiting(1);
      await admin.query('COMMIT');
      expect(await ended).toMatchObject({ code: 'WAREHOUSE_BUSY', retryable: true, message: expect.stringContaining('Serializable isolation violation') as string });
      expect(await warehouse.publish(publication(2, 'ours', target), { signal })).toEqual({ rows: { [target]: 1 } });
    });

    test('goes to the schema of the connection, apart from other tables of that name', async () => {
      await admin.query('CREATE SCHEMA shop');
      const mine = stack.warehouse(limits(), { schema: 'shop' });
      await mine.publish(publication(1, 'apart', 'apart'), { signal });
      expect((await mine.query('SELECT label FROM apart')).rows).toEqual([['apart']]);
      expect(await warehouse.describe('apart')).toBeUndefined();
      expect((await admin.query('SELECT label FROM shop.apart')).rows).toEqual([{ label: 'apart' }]);
      await mine.close();
    });
  });

  describe('what goes wrong', () => {
    const failing = async (overrides: Parameters<RedshiftStack['warehouse']>[1], work: (warehouse: Warehouse) => Promise<unknown>): Promise<unknown> => {
      const other = stack.warehouse(limits(), overrides);
      const error = await work(other).catch((reason: unknown) => reason);
      await other.close();
      return error;
    };

    test('a role that the cluster may not take is forbidden, and says which', async () => {
      const csv = await object('in/role.csv', 'id,name,price\n');
      const error = await failing({ iamRole: 'arn:aws:iam::1:role/other' }, (other) => other.stageObjects!(fresh('stg'), ITEMS, [csv], { signal, format: CSV }));
      expect(error).toMatchObject({ code: 'WAREHOUSE_FORBIDDEN', message: expect.stringContaining('role/other') as string });
    });

    test('a database user without grants is forbidden to write, and the check says which right is missing', async () => {
      await admin.query('CREATE ROLE guest LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC');
      const asGuest = { target: { cluster: stack.data.cluster, dbUser: 'guest' } };
      expect(await failing(asGuest, (other) => other.publish(publication(1, 'a', 'forbidden'), { signal }))).toMatchObject({ code: 'WAREHOUSE_FORBIDDEN' });
      expect(await failing(asGuest, (other) => other.check())).toMatchObject({ code: 'WAREHOUSE_FORBIDDEN', message: expect.stringMatching(/GRANT CREATE ON SCHEMA … TO guest/) as string });
    });

    test('a workgroup and a database that do not exist are named', async () => {
      expect(await failing({ target: { workgroup: 'other' } }, (other) => other.check())).toMatchObject({ code: 'WAREHOUSE_REJECTED', message: expect.stringMatching(/workgroup other.*endpoint doesn't exist/) as string });
      expect(await failing({ database: 'nowhere' }, (other) => other.check())).toMatchObject({ code: 'WAREHOUSE_REJECTED', message: expect.stringContaining('"nowhere" does not exist') as string });
    });

    test('a service that cannot be reached is unavailable', async () => {
      expect(await failing({ endpoint: 'http://127.0.0.1:1' }, (other) => other.query('SELECT 1'))).toMatchObject({ code: 'WAREHOUSE_UNAVAILABLE' });
      stack.data.upset('BatchExecuteStatement', 'fail', 5);
      await expect(warehouse.query('SELECT 1')).rejects.toMatchObject({ code: 'WAREHOUSE_UNAVAILABLE' });
    });

    test('a service that throttles is waited for, and busy when it goes on', async () => {
      stack.data.upset('BatchExecuteStatement', 'throttle', 2);
      expect((await warehouse.query('SELECT 1 AS one')).rows).toEqual([[1]]);
      stack.data.upset('BatchExecuteStatement', 'throttle', 5);
      await expect(warehouse.query('SELECT 1')).rejects.toMatchObject({ code: 'WAREHOUSE_BUSY', retryable: true });
    });

    test('a row above 64 KB is rejected with the statement', async () => {
      await expect(warehouse.query("SELECT REPEAT('x', 70000) AS wide")).rejects.toMatchObject({ code: 'WAREHOUSE_REJECTED', message: expect.stringMatching(/packet for query is too large.*SELECT REPEAT/) as string });
    });

    test('a statement that a person cancels is busy, not lost', async () => {
      const client = new RedshiftDataClient({ region: stack.data.region, endpoint: stack.data.endpoint, credentials: { accessKeyId: stack.s3.accessKeyId, secretAccessKey: stack.s3.secretAccessKey } });
      const ended = warehouse.query(SLOW).catch((error: unknown) => error);
      await expect.poll(() => calls('DescribeStatement').length, { timeout: 20_000 }).toBeGreaterThan(0);
      await client.send(new CancelStatementCommand({ Id: String(calls('DescribeStatement')[0]?.body['Id']) }));
      expect(await ended).toMatchObject({ code: 'WAREHOUSE_BUSY' });
      client.destroy();
    });
  });
});

describe('a failed statement of Redshift', () => {
  const facts = { step: 0, sql: "COPY t FROM 's3://x'", loggedAs: { pid: 1, startedAt: new Date(), queryIds: [] } };

  test.each([
    ['ERROR: 1023 Detail: Serializable isolation violation on table - 100212, transactions forming the cycle are: 1, 2', 'WAREHOUSE_BUSY'],
    ['ERROR: deadlock detected', 'WAREHOUSE_BUSY'],
    ['ERROR: could not complete because of conflict with concurrent transaction', 'WAREHOUSE_BUSY'],
    ["ERROR: Query (1) cancelled on user's request", 'WAREHOUSE_BUSY'],
    ['ERROR: S3ServiceException:Please reduce your request rate.,Status 503,Error SlowDown,Rid A,ExtRid B,CanRetry 1', 'WAREHOUSE_UNAVAILABLE'],
    ['FATAL: connection to server was terminated', 'WAREHOUSE_UNAVAILABLE'],
    ['ERROR: Disk Full', 'WAREHOUSE_UNAVAILABLE'],
    ['ERROR: S3ServiceException:Access Denied,Status 403,Error AccessDenied,Rid A,ExtRid B,CanRetry 1', 'WAREHOUSE_FORBIDDEN'],
    ['ERROR: permission denied for relation orders', 'WAREHOUSE_FORBIDDEN'],
    ['ERROR: must be owner of relation orders', 'WAREHOUSE_FORBIDDEN'],
    ['ERROR: User arn:aws:redshift:x is not authorized to assume IAM Role arn:aws:iam::1:role/x', 'WAREHOUSE_FORBIDDEN'],
    ['ERROR: relation "orders" does not exist', 'WAREHOUSE_REJECTED'],
    ['ERROR: Numeric data overflow (result precision)', 'WAREHOUSE_REJECTED'],
  ])('"%s" means %s', (text, code) => {
    const error = redshiftError(new StatementFailed(text, facts), { description: 'redshift-data://x/y (workgroup z)', secrets: [] });
    expect(error.code).toBe(code);
    expect(error.message).toContain("(statement: COPY t FROM 's3://x')");
  });

  test('keeps the secret to itself, and the client’s request too', () => {
    const raised = Object.assign(new Error('it was s3cret/key'), { name: 'InvalidSignatureException', $metadata: { httpStatusCode: 403 }, request: 's3cret/key' });
    const error = redshiftError(raised, { description: 'redshift-data://x/y', secrets: ['s3cret/key'] }, "SET x = 's3cret%2Fkey'");
    expect(error.code).toBe('WAREHOUSE_FORBIDDEN');
    expect(JSON.stringify([error.message, error.cause, String(error.cause)])).not.toContain('s3cret');
  });

  test('booleans have a text of their own in Redshift’s dialect, which CAST does not give them', () => {
    expect(redshiftDialect.text('yes', 'boolean')).toBe("CASE WHEN yes THEN 'true' WHEN NOT (yes) THEN 'false' END");
    expect(redshiftDialect.literal('a\\b', 'text')).toBe("('a' || CHR(92) || 'b')");
    expect(() => redshiftDialect.literal('a\0b')).toThrow(/NUL/);
  });
});
