import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MillraceError } from '../../src/errors.js';
import type { PublishRequest, PublishTable, SqlValue, TableSpec, Warehouse } from '../../src/warehouse/warehouse.js';
import { duckdbDialect } from '../../src/warehouse/duckdb-dialect.js';
import { writeParquet } from '../support/parquet-files.js';

/** One adapter on its real server, with an empty database. */
export interface WarehouseUnderTest {
  /** Another adapter object on the same database; the suite closes it. */
  open(): Warehouse;
  /** A SELECT of one bigint column `n` that runs for minutes unless it is cancelled. */
  slowQuery: string;
  /** Resolves when `slowQuery` runs on the server, and when it does not. Absent where it runs inside this process. */
  untilSlowQuery?(state: 'running' | 'gone'): Promise<void>;
  /** The same database with a password that is wrong. */
  withWrongPassword?(password: string): Warehouse;
  stop(): Promise<void>;
}

type SaleRow = readonly [id: number, label: string, amount: string];

const JANUARY_1 = { start: '2026-01-01T00:00:00.000Z', end: '2026-01-02T00:00:00.000Z' };
const JANUARY_2 = { start: '2026-01-02T00:00:00.000Z', end: '2026-01-03T00:00:00.000Z' };

function salesTable(name: string): TableSpec {
  return {
    name,
    columns: [
      { name: 'interval_start', type: 'timestamp' },
      { name: 'interval_end', type: 'timestamp' },
      { name: 'id', type: 'bigint' },
      { name: 'label', type: 'text' },
      { name: 'amount', type: { decimal: [18, 6] } },
    ],
    key: ['id'],
  };
}

/** What every warehouse adapter promises; see `src/warehouse/warehouse.ts`. */
export function warehouseContract(label: string, start: () => Promise<WarehouseUnderTest>): void {
  describe(`${label} as a warehouse`, () => {
    let server: WarehouseUnderTest;
    let warehouse: Warehouse;
    let folder: string;
    let names = 0;
    const signal = new AbortController().signal;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'millrace-warehouse-'));
      server = await start();
      warehouse = server.open();
      // An embedded warehouse has nothing to query before its first load.
      await warehouse.stage('stg_first', salesTable('sales'), [], { signal });
    });
    afterAll(async () => {
      await warehouse.close();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    });

    /** A name that no other test of the suite uses. */
    const fresh = (prefix: string): string => `${prefix}_${(names += 1)}`;
    const parquet = (select: string): Promise<string> => writeParquet(folder, `${fresh('file')}.parquet`, select);
    const salesFile = (rows: readonly SaleRow[], interval = JANUARY_1): Promise<string> => {
      const values = rows.map(([id, text, amount]) => `(${id}::BIGINT, ${duckdbDialect.literal(text, 'text')}, ${amount}::DECIMAL(18,6))`).join(', ');
      const times = `${duckdbDialect.literal(interval.start, 'timestamp')} AS interval_start, ${duckdbDialect.literal(interval.end, 'timestamp')} AS interval_end`;
      return parquet(`SELECT ${times}, * FROM (VALUES ${values}) AS sales(id, label, amount)`);
    };
    const stageSales = async (rows: readonly SaleRow[], interval = JANUARY_1): Promise<string> => {
      const staging = fresh('stg_sales');
      await warehouse.stage(staging, salesTable('sales'), [await salesFile(rows, interval)], { signal });
      return staging;
    };
    const request = (tables: readonly PublishTable[], overrides: Partial<PublishRequest> = {}): PublishRequest => ({
      pipeline: fresh('pipeline'),
      interval: JANUARY_1,
      generation: 1,
      run: 'run-1',
      tables,
      sources: { 'file:///sales.parquet': 2 },
      ...overrides,
    });
    const replaceInterval = (name: string, staging: string): PublishTable => ({ target: salesTable(name), from: { staging }, mode: 'replace-interval' });
    const sales = async (name: string): Promise<readonly (readonly SqlValue[])[]> => (await warehouse.query(`SELECT id, label, amount FROM ${name} ORDER BY id, label`)).rows;
    const publishers = async (pipeline: string): Promise<readonly (readonly SqlValue[])[]> =>
      (await warehouse.query(`SELECT generation, run FROM millrace_loads WHERE pipeline = '${pipeline}' ORDER BY interval_start`)).rows;

    describe('staging', () => {
      test('loads every row of every file and says how many they are', async () => {
        const staging = fresh('stg');
        const files = [await salesFile([[1, 'a', '1'], [2, 'b', '2']]), await salesFile([[3, 'c', '3.5']])];
        expect(await warehouse.stage(staging, salesTable('sales'), files, { signal })).toEqual({ rows: 3 });
        expect(await sales(staging)).toEqual([['1', 'a', '1.000000'], ['2', 'b', '2.000000'], ['3', 'c', '3.500000']]);
      });

      test('loads more rows than fit into one buffer', async () => {
        const staging = fresh('stg');
        const file = await parquet(`SELECT TIMESTAMP '2026-01-01' AS interval_start, TIMESTAMP '2026-01-02' AS interval_end, range AS id, repeat('x', 20) || range AS label, 0.5::DECIMAL(18,6) AS amount FROM range(100000)`);
        expect(await warehouse.stage(staging, salesTable('sales'), [file], { signal })).toEqual({ rows: 100_000 });
        const { rows } = await warehouse.query(`SELECT count(*), sum(id), sum(amount) FROM ${staging}`);
        expect(rows).toEqual([['100000', '4999950000', '50000.000000']]);
      });

      test('a second time leaves one copy of the rows', async () => {
        const staging = fresh('stg');
        const file = await salesFile([[1, 'a', '1']]);
        await warehouse.stage(staging, salesTable('sales'), [file], { signal });
        expect(await warehouse.stage(staging, salesTable('sales'), [file], { signal })).toEqual({ rows: 1 });
        expect(await sales(staging)).toEqual([['1', 'a', '1.000000']]);
      });

      test('replaces a staging table that an earlier attempt left with other columns', async () => {
        const staging = fresh('stg');
        await warehouse.stage(staging, { name: 'other', columns: [{ name: 'x', type: 'integer' }], key: [] }, [await parquet('SELECT 1::INTEGER AS x')], { signal });
        await warehouse.stage(staging, salesTable('sales'), [await salesFile([[1, 'a', '1']])], { signal });
        expect((await warehouse.describe(staging))?.map((column) => column.name)).toEqual(['interval_start', 'interval_end', 'id', 'label', 'amount']);
      });

      test('of no files gives an empty table', async () => {
        const staging = fresh('stg');
        expect(await warehouse.stage(staging, salesTable('sales'), [], { signal })).toEqual({ rows: 0 });
        expect(await sales(staging)).toEqual([]);
      });

      test('takes a file whose name looks like a pattern, and only that file', async () => {
        const staging = fresh('stg');
        const table: TableSpec = { name: 't', columns: [{ name: 'x', type: 'integer' }], key: [] };
        await writeParquet(folder, 'train1.parquet', 'SELECT 1::INTEGER AS x');
        await warehouse.stage(staging, table, [await writeParquet(folder, 'train[1].parquet', 'SELECT 2::INTEGER AS x')], { signal });
        expect((await warehouse.query(`SELECT x FROM ${staging}`)).rows).toEqual([[2]]);
      });

      test('matches columns by name, whatever their order in the file', async () => {
        const staging = fresh('stg');
        const table: TableSpec = { name: 't', columns: [{ name: 'a', type: 'text' }, { name: 'b', type: 'text' }], key: [] };
        const files = [await parquet(`SELECT 'b1' AS b, 'a1' AS a`), await parquet(`SELECT 'a2' AS a, 'b2' AS b`)];
        await warehouse.stage(staging, table, files, { signal });
        expect((await warehouse.query(`SELECT a, b FROM ${staging} ORDER BY a`)).rows).toEqual([['a1', 'b1'], ['a2', 'b2']]);
      });

      test.each([
        ['a text that is no number', `'12,5'`, 'decimal'],
        ['a number with too many decimals', `'1.23456789'`, 'decimal'],
        ['a number with too many digits', '1234567890123.5::DECIMAL(20,6)', 'decimal'],
        ['a fraction', '2.5::DOUBLE', 'integer'],
        ['a number outside the range', '3000000000::BIGINT', 'integer'],
        ['a time of day', `'2026-01-01 10:00:00'`, 'date'],
      ])('refuses %s that the column cannot hold unchanged, names it, and keeps what was staged before', async (_case, value, kind) => {
        const type = kind === 'decimal' ? { decimal: [18, 6] as const } : (kind as 'integer' | 'date');
        const table: TableSpec = { name: 't', columns: [{ name: 'price', type, nullable: true }], key: [] };
        const staging = fresh('stg');
        await warehouse.stage(staging, table, [await parquet('SELECT NULL AS price')], { signal });
        const refused = await rejection(warehouse.stage(staging, table, [await parquet(`SELECT ${value} AS price`)], { signal }));
        expect(refused).toMatchObject({ code: 'WAREHOUSE_REJECTED', details: { column: 'price', values: 1 } });
        expect(refused.message).toMatch(/price.*for example "/);
        expect((await warehouse.query(`SELECT price FROM ${staging}`)).rows).toEqual([[null]]);
      });

      test('refuses a file that lacks a column or has one too many, by name', async () => {
        const file = await parquet(`SELECT 1::BIGINT AS id, 'x' AS note`);
        const refused = await rejection(warehouse.stage(fresh('stg'), salesTable('sales'), [file], { signal }));
        expect(refused).toMatchObject({ code: 'SCHEMA_MISMATCH', details: { missing: ['interval_start', 'interval_end', 'label', 'amount'], unknown: ['note'] } });
      });

      test('refuses a file that is not Parquet', async () => {
        const file = join(folder, `${fresh('broken')}.parquet`);
        await writeFile(file, 'PAR1 but not really');
        expect(await rejection(warehouse.stage(fresh('stg'), salesTable('sales'), [file], { signal }))).toMatchObject({ code: 'WAREHOUSE_REJECTED' });
      });

      test('refuses a name that some warehouse would cut off', async () => {
        const staging = 'x'.repeat(64);
        expect(await rejection(warehouse.stage(staging, salesTable('sales'), [], { signal }))).toMatchObject({ code: 'WAREHOUSE_REJECTED' });
        expect(await warehouse.describe('x'.repeat(63))).toBeUndefined();
      });

      test('that is cancelled before it begins leaves no table', async () => {
        const staging = fresh('stg');
        const file = await salesFile([[1, 'a', '1']]);
        const reason = new Error('the step was cancelled');
        await expect(warehouse.stage(staging, salesTable('sales'), [file], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
        expect(await warehouse.describe(staging)).toBeUndefined();
      });
    });

    describe('values', () => {
      const NASTY = [
        '', ' ', ' lead and trail ', 'NULL', '\\N', '\\.', 'a\n\\.\nb', 'quote " and \'', '""', 'comma, semicolon; tab\t', 'line\nbreak', 'carriage\r\nreturn', '\r',
        'back\\slash \\n', '\u{feff}bom', 'emoji 🙈🇩🇪', 'e\u0301 combining', '=1+1', '$1 ?', '--', '%s', '\u2028',
      ];

      test('of text come back unchanged, empty and NULL apart', async () => {
        const table: TableSpec = { name: 't', columns: [{ name: 'n', type: 'integer' }, { name: 'value', type: 'text', nullable: true }], key: ['n'] };
        const staging = fresh('stg');
        const values = [...NASTY, null];
        await warehouse.stage(staging, table, [await parquet(values.map((value, n) => `SELECT ${n}::INTEGER AS n, ${duckdbDialect.literal(value, 'text')}::VARCHAR AS value`).join(' UNION ALL '))], { signal });
        expect((await warehouse.query(`SELECT value FROM ${staging} ORDER BY n`)).rows.map(([value]) => value)).toEqual(values);
      });

      test('of text in a table of one column come back unchanged too', async () => {
        const table: TableSpec = { name: 't', columns: [{ name: 'value', type: 'text', nullable: true }], key: [] };
        const staging = fresh('stg');
        await warehouse.stage(staging, table, [await parquet(`SELECT * FROM (VALUES ('\\.'), (''), (NULL)) AS t(value)`)], { signal });
        expect((await warehouse.query(`SELECT value FROM ${staging} ORDER BY value`)).rows).toEqual(expect.arrayContaining([['\\.'], [''], [null]]));
      });

      test('of text come back unchanged from literals', async () => {
        for (const value of NASTY) {
          expect((await warehouse.query(`SELECT ${warehouse.dialect.literal(value, 'text')} AS value`)).rows).toEqual([[value]]);
        }
      });

      test('of every type come back in one spelling, at their extremes', async () => {
        const table: TableSpec = {
          name: 't',
          columns: [
            { name: 'yes', type: 'boolean', nullable: true },
            { name: 'small', type: 'integer', nullable: true },
            { name: 'big', type: 'bigint', nullable: true },
            { name: 'real', type: 'double', nullable: true },
            { name: 'money', type: { decimal: [18, 6] }, nullable: true },
            { name: 'day', type: 'date', nullable: true },
            { name: 'moment', type: 'timestamp', nullable: true },
          ],
          key: [],
        };
        const staging = fresh('stg');
        const file = await parquet(`SELECT * FROM (VALUES
          (true, 2147483647::INTEGER, 9223372036854775807::BIGINT, 0.1::DOUBLE, 999999999999.999999::DECIMAL(18,6), DATE '9999-12-31', TIMESTAMP '9999-12-31 23:59:59.999999'),
          (false, '-2147483648'::INTEGER, '-9223372036854775808'::BIGINT, 1.7976931348623157e308::DOUBLE, -999999999999.999999::DECIMAL(18,6), DATE '0001-01-01', TIMESTAMP '2024-02-29 12:30:00'),
          (false, 0::INTEGER, 9007199254740993::BIGINT, -2.5::DOUBLE, 2.55::DECIMAL(18,6), DATE '2024-02-29', TIMESTAMP '2024-02-29 12:30:00.5'),
          (NULL, NULL, NULL, NULL, NULL, NULL, NULL)
        ) AS t(yes, small, big, "real", money, day, moment)`);
        await warehouse.stage(staging, table, [file], { signal });
        const { columns, rows } = await warehouse.query(`SELECT yes, small, big, "real", money, day, moment FROM ${staging} ORDER BY small DESC NULLS LAST`);
        expect(columns).toEqual(['yes', 'small', 'big', 'real', 'money', 'day', 'moment']);
        expect(rows).toEqual([
          [true, 2147483647, '9223372036854775807', 0.1, '999999999999.999999', '9999-12-31', '9999-12-31T23:59:59.999999Z'],
          [false, 0, '9007199254740993', -2.5, '2.550000', '2024-02-29', '2024-02-29T12:30:00.500Z'],
          [false, -2147483648, '-9223372036854775808', 1.7976931348623157e308, '-999999999999.999999', '0001-01-01', '2024-02-29T12:30:00.000Z'],
          [null, null, null, null, null, null, null],
        ]);
      });

      test('with an offset are stored as UTC', async () => {
        const table: TableSpec = { name: 't', columns: [{ name: 'a', type: 'timestamp' }, { name: 'b', type: 'timestamp' }], key: [] };
        const staging = fresh('stg');
        await warehouse.stage(staging, table, [await parquet(`SELECT TIMESTAMPTZ '2026-07-01 12:00:00+02' AS a, '2026-07-01T12:00:00+05:30' AS b`)], { signal });
        expect((await warehouse.query(`SELECT a, b, ${warehouse.dialect.literal('2026-07-01T12:00:00.25+02:00', 'timestamp')} FROM ${staging}`)).rows).toEqual([
          ['2026-07-01T10:00:00.000Z', '2026-07-01T06:30:00.000Z', '2026-07-01T10:00:00.250Z'],
        ]);
      });

      test('survive as literals of every type', async () => {
        const { dialect } = warehouse;
        const literals = [
          dialect.literal(true), dialect.literal(false, 'boolean'), dialect.literal(-7, 'integer'), dialect.literal('9223372036854775807', 'bigint'), dialect.literal(0.1, 'double'),
          dialect.literal('2.55', { decimal: [18, 6] }), dialect.literal('2026-01-31', 'date'), dialect.literal('2026-01-31T10:00:00.123456Z', 'timestamp'), dialect.literal(null, 'text'), dialect.literal(42),
          dialect.text(dialect.literal(7)), dialect.secondsBetween(dialect.literal(JANUARY_1.start, 'timestamp'), dialect.literal(JANUARY_1.end, 'timestamp')),
        ];
        expect((await warehouse.query(`SELECT ${literals.map((literal, index) => `${literal} AS c${index}`).join(', ')}`)).rows).toEqual([
          [true, false, -7, '9223372036854775807', 0.1, '2.550000', '2026-01-31', '2026-01-31T10:00:00.123456Z', null, 42, '7', 86400],
        ]);
      });
    });

    describe('a query', () => {
      test('returns column names without rows too', async () => {
        expect(await warehouse.query('SELECT 1 AS a, 2 AS b WHERE 1 = 0')).toEqual({ columns: ['a', 'b'], rows: [] });
      });

      test('returns no more rows than it was asked for', async () => {
        const staging = await stageSales([[1, 'a', '1'], [2, 'b', '2'], [3, 'c', '3']]);
        const read = async (maxRows: number): Promise<number> => (await warehouse.query(`SELECT id FROM ${staging}`, { maxRows })).rows.length;
        expect([await read(0), await read(2), await read(10)]).toEqual([0, 2, 3]);
      });

      test('cannot change anything, not even behind a harmless statement', async () => {
        const staging = await stageSales([[1, 'a', '1']]);
        expect(await rejection(warehouse.query(`DELETE FROM ${staging}`))).toMatchObject({ code: 'WAREHOUSE_REJECTED' });
        expect(await rejection(warehouse.query(`SELECT 1; COMMIT; DELETE FROM ${staging}`))).toMatchObject({ code: 'WAREHOUSE_REJECTED' });
        expect(await sales(staging)).toHaveLength(1);
      });

      test('that the server rejects shows the start of the statement', async () => {
        const refused = await rejection(warehouse.query(`SELECT nonsense\n  FROM no_such_table ${'-'.repeat(500)}`));
        expect(refused.code).toBe('WAREHOUSE_REJECTED');
        expect(refused.message).toMatch(/SELECT nonsense FROM no_such_table/);
        expect(refused.message.length).toBeLessThan(600);
      });

      test('that is cancelled ends at once, on the server too', async () => {
        const cancelled = new AbortController();
        const reason = new Error('the step was cancelled');
        const ended = outcome(warehouse.query(server.slowQuery, { signal: cancelled.signal }));
        await server.untilSlowQuery?.('running');
        const at = performance.now();
        cancelled.abort(reason);
        expect(await ended).toBe(reason);
        expect(performance.now() - at).toBeLessThan(3_000);
        await server.untilSlowQuery?.('gone');
        expect((await warehouse.query('SELECT 1 AS one')).rows).toEqual([[1]]);
      });
    });

    describe('publishing', () => {
      test('creates the target with the columns of its spec, and the ledger row', async () => {
        const target = fresh('sales');
        const wanted = request([replaceInterval(target, await stageSales([[1, 'a', '1.5'], [2, 'b', '2']]))]);
        expect(await warehouse.publish(wanted, { signal })).toEqual({ rows: { [target]: 2 } });
        expect(await sales(target)).toEqual([['1', 'a', '1.500000'], ['2', 'b', '2.000000']]);
        expect(await warehouse.describe(target)).toEqual(salesTable(target).columns.map((column) => ({ ...column, nullable: false })));
        const { rows: ledger } = await warehouse.query(`SELECT generation, run, interval_start, interval_end, "rows", sources FROM millrace_loads WHERE pipeline = '${wanted.pipeline}'`);
        expect(ledger).toEqual([['1', 'run-1', JANUARY_1.start, JANUARY_1.end, JSON.stringify({ [target]: 2 }), '{"file:///sales.parquet":2}']]);
      });

      test('an interval twice leaves the same rows, and a smaller one leaves no old rows behind', async () => {
        const target = fresh('sales');
        const first = request([replaceInterval(target, await stageSales([[1, 'a', '1'], [2, 'b', '2']]))]);
        await warehouse.publish(first, { signal });
        const before = await sales(target);
        await warehouse.publish(first, { signal });
        expect(await sales(target)).toEqual(before);
        await warehouse.publish({ ...first, generation: 2, run: 'run-2', tables: [replaceInterval(target, await stageSales([[2, 'B', '2']]))] }, { signal });
        expect(await sales(target)).toEqual([['2', 'B', '2.000000']]);
        expect(await publishers(first.pipeline)).toEqual([['2', 'run-2']]);
      });

      test('another interval leaves the first one as it is', async () => {
        const target = fresh('sales');
        const first = request([replaceInterval(target, await stageSales([[1, 'a', '1']]))]);
        await warehouse.publish(first, { signal });
        const second = { ...first, interval: JANUARY_2, tables: [replaceInterval(target, await stageSales([[1, 'next day', '1']], JANUARY_2))] };
        await warehouse.publish(second, { signal });
        await warehouse.publish(first, { signal });
        expect(await sales(target)).toEqual([['1', 'a', '1.000000'], ['1', 'next day', '1.000000']]);
        expect(await publishers(first.pipeline)).toHaveLength(2);
      });

      test('of an older run after a newer one is refused with both names, and changes nothing', async () => {
        const target = fresh('sales');
        const newer = request([replaceInterval(target, await stageSales([[1, 'newer', '1']]))], { generation: 7, run: 'run-new' });
        await warehouse.publish(newer, { signal });
        const older = { ...newer, generation: 6, run: 'run-old', tables: [replaceInterval(target, await stageSales([[1, 'older', '1']]))] };
        const refused = await rejection(warehouse.publish(older, { signal }));
        expect(refused.code).toBe('STALE_RUN');
        expect(refused.message).toMatch(/run-old.*run-new.*Start a new run/);
        expect(await sales(target)).toEqual([['1', 'newer', '1.000000']]);
        expect(await publishers(newer.pipeline)).toEqual([['7', 'run-new']]);
      });

      test('runs that overlap ends with the newest one, whatever their order', async () => {
        const target = fresh('sales');
        const pipeline = fresh('pipeline');
        const generations = [3, 1, 5, 2, 4];
        const requests: PublishRequest[] = [];
        for (const generation of generations) {
          const rows: SaleRow[] = Array.from({ length: generation }, (_, id) => [id, `run ${generation}`, '1']);
          requests.push(request([replaceInterval(target, await stageSales(rows))], { pipeline, generation, run: `run-${generation}` }));
        }
        const others = requests.map(() => server.open());
        const results = await Promise.allSettled(requests.map((wanted, index) => others[index]!.publish(wanted, { signal })));
        await Promise.all(others.map((other) => other.close()));
        expect(results[2]).toMatchObject({ status: 'fulfilled' });
        expect(results.filter((result) => result.status === 'rejected' && (result.reason as MillraceError).code !== 'STALE_RUN')).toEqual([]);
        expect((await warehouse.query(`SELECT label, count(*) FROM ${target} GROUP BY label`)).rows).toEqual([['run 5', '5']]);
        expect(await publishers(pipeline)).toEqual([['5', 'run-5']]);
      });

      test('several tables is all or nothing when the second one fails', async () => {
        const [target, other] = [fresh('sales'), fresh('sales')];
        const before = request([replaceInterval(target, await stageSales([[1, 'before', '1']]))]);
        await warehouse.publish(before, { signal });
        const failing: PublishTable = {
          target: salesTable(other),
          from: { query: `SELECT interval_start, interval_end, id, label, CAST(label AS integer) AS amount FROM ${await stageSales([[1, 'x', '1']])}` },
          mode: 'replace-interval',
        };
        const broken = { ...before, generation: 2, run: 'run-2', tables: [replaceInterval(target, await stageSales([[1, 'after', '1']])), failing] };
        expect(await rejection(warehouse.publish(broken, { signal }))).toMatchObject({ code: 'WAREHOUSE_REJECTED' });
        expect(await sales(target)).toEqual([['1', 'before', '1.000000']]);
        expect(await warehouse.describe(other)).toBeUndefined();
        expect(await publishers(before.pipeline)).toEqual([['1', 'run-1']]);
      });

      test('that is cancelled in the middle changes nothing', async () => {
        const target = fresh('sales');
        const before = request([replaceInterval(target, await stageSales([[1, 'before', '1']]))]);
        await warehouse.publish(before, { signal });
        const slow: PublishTable = {
          target: salesTable(fresh('sales')),
          from: { query: `SELECT CAST(NULL AS timestamp) AS interval_start, CAST(NULL AS timestamp) AS interval_end, n AS id, 'x' AS label, 1 AS amount FROM (${server.slowQuery}) AS slow` },
          mode: 'replace-interval',
        };
        const cancelled = new AbortController();
        const reason = new Error('the step was cancelled');
        const after = { ...before, generation: 2, run: 'run-2', tables: [replaceInterval(target, await stageSales([[1, 'after', '1']])), slow] };
        const ended = outcome(warehouse.publish(after, { signal: cancelled.signal }));
        await server.untilSlowQuery?.('running');
        cancelled.abort(reason);
        expect(await ended).toBe(reason);
        await server.untilSlowQuery?.('gone');
        expect(await sales(target)).toEqual([['1', 'before', '1.000000']]);
        expect(await publishers(before.pipeline)).toEqual([['1', 'run-1']]);
        expect(await warehouse.publish({ ...after, tables: [after.tables[0]!] }, { signal })).toEqual({ rows: { [target]: 1 } });
      });

      test('a query takes its columns by name and sees the tables published before it', async () => {
        const [target, totals] = [fresh('sales'), fresh('totals')];
        const spec: TableSpec = {
          name: totals,
          columns: [
            { name: 'interval_start', type: 'timestamp' },
            { name: 'interval_end', type: 'timestamp' },
            { name: 'lines', type: 'bigint' },
            { name: 'total', type: { decimal: [38, 6] } },
          ],
          key: [],
        };
        const sum = `SELECT interval_start, interval_end, count(*) AS lines, sum(amount) AS total FROM ${target} GROUP BY interval_start, interval_end -- of the day`;
        const tables = [replaceInterval(target, await stageSales([[1, 'a', '0.1'], [2, 'b', '0.2']])), { target: spec, from: { query: sum }, mode: 'replace-interval' as const }];
        expect(await warehouse.publish(request(tables), { signal })).toEqual({ rows: { [target]: 2, [totals]: 1 } });
        expect((await warehouse.query(`SELECT lines, total FROM ${totals}`)).rows).toEqual([['2', '0.300000']]);
      });

      test('a query whose columns are not the target’s is refused', async () => {
        const target = fresh('sales');
        const from = { query: `SELECT interval_start, interval_end, id, amount, label FROM ${await stageSales([[1, 'a', '1']])}` };
        const refused = await rejection(warehouse.publish(request([{ target: salesTable(target), from, mode: 'replace-interval' }]), { signal }));
        expect(refused.code).toBe('SCHEMA_MISMATCH');
        expect(refused.message).toContain('expected interval_start, interval_end, id, label, amount');
      });

      test('rows of another interval is refused, because they could not be replaced later', async () => {
        const target = fresh('sales');
        const wanted = request([replaceInterval(target, await stageSales([[1, 'a', '1']], JANUARY_2))]);
        const refused = await rejection(warehouse.publish(wanted, { signal }));
        expect(refused.code).toBe('WAREHOUSE_REJECTED');
        expect(refused.message).toContain('1 of 1 rows');
        expect(await warehouse.describe(target)).toBeUndefined();
      });

      test('into a table that has changed names every differing column', async () => {
        const target = fresh('sales');
        const staging = await stageSales([[1, 'a', '1']]);
        await warehouse.publish(request([replaceInterval(target, staging)]), { signal });
        const [start, end, id, text] = salesTable(target).columns;
        const changed: TableSpec = { name: target, columns: [start!, end!, { ...id!, type: 'text' }, text!, { name: 'colour', type: 'text' }], key: ['id'] };
        const refused = await rejection(warehouse.publish(request([{ target: changed, from: { staging }, mode: 'replace-interval' }], { generation: 2 }), { signal }));
        expect(refused.code).toBe('SCHEMA_MISMATCH');
        expect(refused.message).toMatch(/column id is .*column colour .* is missing.*column amount .* is not known/);
        expect(await sales(target)).toHaveLength(1);
      });

      test('from a staging table that is gone says so', async () => {
        const refused = await rejection(warehouse.publish(request([replaceInterval(fresh('sales'), 'stg_gone')]), { signal }));
        expect(refused.code).toBe('WAREHOUSE_REJECTED');
        expect(refused.message).toMatch(/stg_gone.*does not exist/);
      });

      test('a NULL in a column that may not hold it is refused and names the column', async () => {
        const target = fresh('sales');
        const from = { query: `SELECT interval_start, interval_end, id, CAST(NULL AS ${warehouse.dialect.type('text')}) AS label, amount FROM ${await stageSales([[1, 'a', '1']])}` };
        const refused = await rejection(warehouse.publish(request([{ target: salesTable(target), from, mode: 'replace-interval' }]), { signal }));
        expect(refused.code).toBe('WAREHOUSE_REJECTED');
        expect(refused.message).toContain('label');
      });
    });

    describe('merging', () => {
      const merge = (name: string, from: PublishTable['from']): PublishTable => ({ target: salesTable(name), from, mode: 'merge' });

      test('under a guard is refused with the guard’s own error where it is violated, and changes nothing', async () => {
        const target = fresh('sales');
        const refusal = new MillraceError('OFFSETS_MOVED', 'somebody was faster');
        const guarded = async (rows: SaleRow[], expected: string): Promise<PublishTable> => ({
          ...merge(target, { query: `SELECT * FROM ${await stageSales(rows)}` }),
          guard: { violations: `SELECT id FROM ${target} WHERE id = 1 AND label <> '${expected}'`, refusal },
        });
        const other = fresh('sales');
        const first = request([await guarded([[1, 'a', '1']], 'none'), replaceInterval(other, await stageSales([[1, 'x', '1']]))]);
        expect((await warehouse.publish(first, { signal })).rows).toEqual({ [target]: 1, [other]: 1 });
        await warehouse.publish(request([await guarded([[1, 'b', '1']], 'a')]), { signal });
        const late = request([await guarded([[1, 'c', '1']], 'a'), replaceInterval(other, await stageSales([[1, 'y', '1']]))]);
        expect(await rejection(warehouse.publish(late, { signal }))).toMatchObject({ code: 'OFFSETS_MOVED', message: 'somebody was faster' });
        expect(await sales(target)).toEqual([['1', 'b', '1.000000']]);
        expect(await sales(other)).toEqual([['1', 'x', '1.000000']]);
        expect(await publishers(late.pipeline)).toEqual([]);
      });

      test('of several at once that expect the same, lets one through', async () => {
        const target = fresh('sales');
        await warehouse.publish(request([merge(target, { staging: await stageSales([[1, 'before', '1']]) })]), { signal });
        const guard = { violations: `SELECT id FROM ${target} WHERE id = 1 AND label <> 'before'`, refusal: new MillraceError('OFFSETS_MOVED', 'somebody was faster') };
        const requests: PublishRequest[] = [];
        for (const label of ['a', 'b', 'c', 'd']) requests.push(request([{ ...merge(target, { query: `SELECT * FROM ${await stageSales([[1, label, '1']])}` }), guard }]));
        const others = requests.map(() => server.open());
        const results = await Promise.allSettled(requests.map((wanted, index) => others[index]!.publish(wanted, { signal })));
        await Promise.all(others.map((each) => each.close()));
        expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        expect(results.flatMap((result) => (result.status === 'rejected' ? [(result.reason as MillraceError).code] : []))).toEqual(['OFFSETS_MOVED', 'OFFSETS_MOVED', 'OFFSETS_MOVED']);
        expect(await warehouse.query(`SELECT count(*) FROM ${target}`)).toMatchObject({ rows: [['1']] });
      });

      test('replaces rows by key and keeps the rest', async () => {
        const target = fresh('sales');
        const first = request([merge(target, { staging: await stageSales([[1, 'a', '1'], [2, 'b', '2']]) })]);
        expect(await warehouse.publish(first, { signal })).toEqual({ rows: { [target]: 2 } });
        const second = { ...first, interval: JANUARY_2, tables: [merge(target, { staging: await stageSales([[2, 'B', '2'], [3, 'c', '3']], JANUARY_2) })] };
        await warehouse.publish(second, { signal });
        expect(await warehouse.publish({ ...second, generation: 2 }, { signal })).toEqual({ rows: { [target]: 2 } });
        expect(await sales(target)).toEqual([['1', 'a', '1.000000'], ['2', 'B', '2.000000'], ['3', 'c', '3.000000']]);
      });

      test('replaces all that the incoming rows stand for, where columns are named for that', async () => {
        const target = fresh('sales');
        const byLabel = (staging: string): PublishTable => ({ ...merge(target, { staging }), replaces: ['label'] });
        await warehouse.publish(request([byLabel(await stageSales([[1, 'a', '1'], [2, 'a', '2'], [3, 'b', '3']]))]), { signal });
        await warehouse.publish({ ...request([byLabel(await stageSales([[1, 'a', '9'], [4, 'a', '4']]))]), generation: 2 }, { signal });
        expect(await sales(target)).toEqual([['1', 'a', '9.000000'], ['3', 'b', '3.000000'], ['4', 'a', '4.000000']]);
      });

      test('works from a query, twice in one session', async () => {
        const target = fresh('sales');
        const staging = await stageSales([[1, 'a', '1'], [2, 'b', '2']]);
        const wanted = request([
          merge(target, { query: `SELECT * FROM ${staging}` }),
          merge(fresh('sales'), { query: `SELECT interval_start, interval_end, id + 1 AS id, label, amount * 2 AS amount FROM ${target}` }),
        ]);
        await warehouse.publish(wanted, { signal });
        await warehouse.publish(wanted, { signal });
        expect(await sales(target)).toHaveLength(2);
        expect(await sales(wanted.tables[1]!.target.name)).toEqual([['2', 'a', '2.000000'], ['3', 'b', '4.000000']]);
      });

      test('refuses rows that share a key, with an example', async () => {
        const target = fresh('sales');
        const refused = await rejection(warehouse.publish(request([merge(target, { staging: await stageSales([[4, 'a', '1'], [7, 'b', '2'], [7, 'c', '3']]) })]), { signal }));
        expect(refused.code).toBe('WAREHOUSE_REJECTED');
        expect(refused.message).toContain('id = 7 (2 rows)');
        expect(await warehouse.describe(target)).toBeUndefined();
      });
    });

    describe('bookkeeping', () => {
      const notes = (name: string): TableSpec => ({
        name,
        columns: [{ name: 'run', type: 'text' }, { name: 'note', type: 'text', nullable: true }, { name: 'noted_at', type: 'timestamp', nullable: true }, { name: 'observed', type: { decimal: [18, 2] }, nullable: true }],
        key: ['run'],
      });

      test('replaces the rows that it names and no others', async () => {
        const table = notes(fresh('notes'));
        await warehouse.replaceRows(table, { run: 'a' }, [['a', "it's \\ \n \"quoted\"", JANUARY_1.start, '1.25'], ['a', null, null, null]]);
        await warehouse.replaceRows(table, { run: 'b' }, [['b', 'other', null, null]]);
        await warehouse.replaceRows(table, { run: 'a' }, [['a', "it's", JANUARY_1.start, '1.25']]);
        expect((await warehouse.query(`SELECT run, note, noted_at, observed FROM ${table.name} ORDER BY run`)).rows).toEqual([['a', "it's", JANUARY_1.start, '1.25'], ['b', 'other', null, null]]);
        await warehouse.replaceRows(table, { run: 'b', noted_at: null }, []);
        expect((await warehouse.query(`SELECT run FROM ${table.name}`)).rows).toEqual([['a']]);
      });

      test('takes more rows than one statement holds', async () => {
        const table = notes(fresh('notes'));
        await warehouse.replaceRows(table, { run: 'many' }, Array.from({ length: 1201 }, (_, index) => ['many', String(index), null, index]));
        expect((await warehouse.query(`SELECT count(*), sum(observed) FROM ${table.name}`)).rows).toEqual([['1201', '720600.00']]);
      });

      test('by several workers at once keeps one copy', async () => {
        const table = notes(fresh('notes'));
        await Promise.all([1, 2, 3, 4].map(() => warehouse.replaceRows(table, { run: 'same' }, [['same', 'one', null, null]])));
        expect((await warehouse.query(`SELECT count(*) FROM ${table.name}`)).rows).toEqual([['1']]);
      });

      test('refuses to replace everything, a row of another width and a table that has changed', async () => {
        const table = notes(fresh('notes'));
        expect(await rejection(warehouse.replaceRows(table, {}, []))).toMatchObject({ code: 'WAREHOUSE_REJECTED' });
        expect(await rejection(warehouse.replaceRows(table, { run: 'a' }, [['a']]))).toMatchObject({ code: 'WAREHOUSE_REJECTED' });
        await warehouse.replaceRows(table, { run: 'a' }, []);
        expect(await rejection(warehouse.replaceRows({ ...table, columns: table.columns.slice(1) }, { note: 'a' }, []))).toMatchObject({ code: 'SCHEMA_MISMATCH' });
      });

      test('describes a table, and says when there is none', async () => {
        const table = notes(fresh('notes'));
        await warehouse.replaceRows(table, { run: 'a' }, []);
        expect(await warehouse.describe(table.name)).toEqual(table.columns.map((column) => ({ nullable: false, ...column })));
        expect(await warehouse.describe('no_such_table')).toBeUndefined();
      });

      test('drops staging tables, also those that are gone', async () => {
        const staging = await stageSales([[1, 'a', '1']]);
        await warehouse.dropStaging([staging, 'stg_never_there']);
        await warehouse.dropStaging([staging]);
        await warehouse.dropStaging([]);
        expect(await warehouse.describe(staging)).toBeUndefined();
      });

      test('never drops the ledger', async () => {
        expect(await rejection(warehouse.dropStaging(['millrace_loads']))).toMatchObject({ code: 'WAREHOUSE_REJECTED' });
      });

      test('checks itself in one sentence', async () => {
        expect(await warehouse.check()).toMatch(/^\S.*\S$/);
      });

      test('can be closed twice', async () => {
        const other = server.open();
        await other.check();
        await other.close();
        await expect(other.close()).resolves.toBeUndefined();
      });
    });

    test('a wrong password is forbidden, and the message does not show it', async ({ skip }) => {
      skip(!server.withWrongPassword, 'this warehouse has no passwords');
      const password = "wrong 'pass\\word' %40 ☃";
      const stranger = server.withWrongPassword!(password);
      const refused = await rejection(stranger.check());
      await stranger.close();
      expect(refused.code).toBe('WAREHOUSE_FORBIDDEN');
      for (let error: unknown = refused; error instanceof Error; error = error.cause) {
        expect(`${error.stack} ${JSON.stringify(error)}`).not.toContain(password);
        expect(error.message).not.toContain(encodeURIComponent(password));
      }
    });
  });
}

/** The `MillraceError` that the promise is rejected with. */
async function rejection(work: Promise<unknown>): Promise<MillraceError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof MillraceError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** What the promise is rejected with; `undefined` when it is not. Heard at once, so that it may be asked for later. */
export function outcome(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}
