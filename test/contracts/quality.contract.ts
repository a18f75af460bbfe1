import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MillraceError } from '../../src/errors.js';
import type { Check } from '../../src/quality/checks.js';
import { checksFailed, failedErrors, runChecks, type CheckRequest, type CheckResult } from '../../src/quality/run-checks.js';
import type { ColumnType, SqlValue, TableSpec, Warehouse } from '../../src/warehouse/warehouse.js';

export interface WarehouseUnderTest {
  warehouse: Warehouse;
  stop(): Promise<void>;
}

/** A check without the fields that a test does not care for. */
type CheckBody = Check extends infer Kind ? (Kind extends Check ? Omit<Kind, 'name' | 'severity'> : never) : never;

const ODD = `a "quoted" column's; name`;

/** Every type a warehouse has, and a name that must be quoted. */
const COLUMNS = {
  invoice_no: 'text',
  line_no: 'integer',
  quantity: 'bigint',
  unit_price: { decimal: [18, 2] },
  weight: 'double',
  sold_on: 'date',
  sold_at: 'timestamp',
  is_return: 'boolean',
  [ODD]: 'text',
} as const satisfies Record<string, ColumnType>;

type Row = Partial<Record<keyof typeof COLUMNS, SqlValue>>;

const GOOD: Row = {
  invoice_no: '536365',
  line_no: 1,
  quantity: '6',
  unit_price: '2.55',
  weight: 0.5,
  sold_on: '2010-12-01',
  sold_at: '2010-12-01T08:26:00Z',
  is_return: false,
  [ODD]: 'x',
};

const DAY = { start: '2010-12-01T00:00:00.000Z', end: '2010-12-02T00:00:00.000Z' };

/** What a check says must not depend on the warehouse: every expectation here is the exact text, and holds for each of them. */
export function qualityContract(label: string, makeWarehouse: () => Promise<WarehouseUnderTest>): void {
  describe(`quality checks on ${label}`, () => {
    let under: WarehouseUnderTest;
    let tables = 0;
    const { signal } = new AbortController();

    beforeAll(async () => {
      under = await makeWarehouse();
    });
    afterAll(async () => {
      await under?.stop();
    });

    /** A table of its own for every test; each row starts from a good one. */
    async function tableOf(rows: readonly Row[]): Promise<string> {
      tables += 1;
      const names = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];
      const table: TableSpec = {
        name: `orders 'stage' ${tables}`,
        columns: names.map((name) => ({ name, type: COLUMNS[name], nullable: true })),
        key: ['invoice_no', 'line_no'],
      };
      const values = rows.map((row) => names.map((name) => ({ ...GOOD, ...row })[name] ?? null));
      await under.warehouse.replaceRows(table, { invoice_no: 'nothing is replaced' }, values);
      return table.name;
    }

    async function run(table: string, checks: readonly Check[], more: Partial<CheckRequest> = {}, warehouse = under.warehouse): Promise<readonly CheckResult[]> {
      return runChecks(warehouse, { table, checks, pipeline: 'shop', run: 'run-1', interval: DAY, ...more }, { signal });
    }

    async function judge(body: CheckBody, rows: readonly Row[], more: Partial<CheckRequest> = {}): Promise<CheckResult> {
      const results = await run(await tableOf(rows), [{ name: 'it', severity: 'ERROR', ...body }], more);
      expect(results).toHaveLength(1);
      return results[0] as CheckResult;
    }

    const essence = ({ passed, observed, expected, failing }: CheckResult): object => ({ passed, observed, expected, failing });

    describe('notNull', () => {
      const check: CheckBody = { kind: 'notNull', columns: ['invoice_no', 'line_no'] };

      test('passes when no value is NULL; an empty text is a value', async () => {
        expect(essence(await judge(check, [{}, { invoice_no: '' }]))).toEqual({
          passed: true,
          observed: '0 of 2 rows fail',
          expected: 'no NULL in invoice_no, line_no',
          failing: 0,
        });
      });

      test('fails and shows the rows in which any of the columns is NULL', async () => {
        const result = await judge(check, [{}, { invoice_no: null, quantity: '7' }, { line_no: null }]);
        expect(essence(result)).toMatchObject({ passed: false, observed: '2 of 3 rows fail', failing: 2 });
        expect(result.samples.map(({ invoice_no, line_no, quantity }) => [invoice_no, line_no, quantity])).toEqual([
          ['536365', null, '6'],
          [null, '1', '7'],
        ]);
      });
    });

    describe('unique', () => {
      const check: CheckBody = { kind: 'unique', columns: ['invoice_no', 'line_no'] };

      test('passes when every key occurs once; a key that holds a NULL equals no other', async () => {
        const result = await judge(check, [{}, { line_no: 2 }, { line_no: null }, { line_no: null }]);
        expect(essence(result)).toEqual({
          passed: true,
          observed: 'no key twice',
          expected: 'every combination of invoice_no, line_no once',
          failing: 0,
        });
      });

      test('fails and shows the keys with their number of rows', async () => {
        const result = await judge(check, [{}, {}, {}, { line_no: 2 }, { line_no: 2 }, { line_no: 3 }]);
        expect(essence(result)).toMatchObject({ passed: false, observed: '2 keys more than once, on 5 rows', failing: 5 });
        expect(result.samples).toEqual([
          { invoice_no: '536365', line_no: '1', 'count(*)': '3' },
          { invoice_no: '536365', line_no: '2', 'count(*)': '2' },
        ]);
      });

      test('counts only the rows of its predicate', async () => {
        const result = await judge({ kind: 'unique', columns: ['invoice_no'], where: 'NOT is_return -- returns repeat' }, [{}, { is_return: true }]);
        expect(result).toMatchObject({ passed: true, expected: 'every invoice_no once' });
      });
    });

    describe('inRange', () => {
      test('includes min and max, excludes minExclusive and maxExclusive', async () => {
        const rows: Row[] = [{ quantity: '0' }, { quantity: '1' }, { quantity: '5' }, { quantity: '6' }];
        expect(essence(await judge({ kind: 'inRange', column: 'quantity', min: 1, max: 5 }, rows))).toEqual({
          passed: false,
          observed: '2 of 4 rows fail',
          expected: 'quantity >= 1 and <= 5',
          failing: 2,
        });
        expect(essence(await judge({ kind: 'inRange', column: 'quantity', minExclusive: 0, maxExclusive: 6 }, rows))).toEqual({
          passed: false,
          observed: '2 of 4 rows fail',
          expected: 'quantity > 0 and < 6',
          failing: 2,
        });
        expect(await judge({ kind: 'inRange', column: 'quantity', min: 0, maxExclusive: '6.5' }, rows)).toMatchObject({ passed: true });
      });

      test('lets NULL pass, as a SQL CHECK does', async () => {
        expect(await judge({ kind: 'inRange', column: 'quantity', min: 1 }, [{ quantity: null }])).toMatchObject({ passed: true, observed: '0 of 1 rows fail' });
      });

      test('compares decimals exactly', async () => {
        const rows: Row[] = [{ unit_price: '9007199254740993.01' }];
        expect(await judge({ kind: 'inRange', column: 'unit_price', max: '9007199254740993.01' }, rows)).toMatchObject({ passed: true });
        expect(await judge({ kind: 'inRange', column: 'unit_price', max: '9007199254740993.009' }, rows)).toMatchObject({ passed: false });
        expect(await judge({ kind: 'inRange', column: 'unit_price', min: -0.5, max: 1e20 }, rows)).toMatchObject({
          passed: true,
          expected: 'unit_price >= -0.5 and <= 100000000000000000000',
        });
        expect(await judge({ kind: 'inRange', column: 'quantity', min: '9007199254740993' }, [{ quantity: '9007199254740992' }])).toMatchObject({ passed: false });
      });

      test('compares floating point numbers', async () => {
        expect(await judge({ kind: 'inRange', column: 'weight', min: '-1.5', max: 0.5 }, [{ weight: -1.5 }, { weight: 0.5 }])).toMatchObject({ passed: true });
        expect(await judge({ kind: 'inRange', column: 'weight', minExclusive: 0 }, [{ weight: 0 }])).toMatchObject({ passed: false });
      });

      test('never lets NaN pass; it is no NULL either', async () => {
        const rows: Row[] = [{ weight: Number.NaN }];
        expect(await judge({ kind: 'inRange', column: 'weight', min: 0 }, rows)).toMatchObject({ passed: false, failing: 1 });
        expect(await judge({ kind: 'inRange', column: 'weight', max: 1 }, rows)).toMatchObject({ passed: false, failing: 1 });
        expect(await judge({ kind: 'notNull', columns: ['weight'] }, rows)).toMatchObject({ passed: true });
        expect(await judge({ kind: 'reconciles', what: { sum: 'weight' }, expected: 0, source: 'scales' }, rows)).toMatchObject({ passed: false });
      });

      test('takes the day as half-open: its first moment is in, the next midnight is out', async () => {
        const check: CheckBody = { kind: 'inRange', column: 'sold_at', min: DAY.start, maxExclusive: DAY.end };
        const inside: Row[] = [{ sold_at: '2010-12-01T00:00:00Z' }, { sold_at: '2010-12-01T23:59:59.999999Z' }];
        expect(essence(await judge(check, inside))).toEqual({
          passed: true,
          observed: '0 of 2 rows fail',
          expected: `sold_at >= ${DAY.start} and < ${DAY.end}`,
          failing: 0,
        });
        expect(await judge({ ...check, min: '2010-12-01T01:00:00+01:00' }, inside)).toMatchObject({ passed: true });
        expect(await judge({ ...check, min: '2010-12-01T01:00:00.000001+01:00' }, inside)).toMatchObject({ passed: false, failing: 1 });
        const outside: Row[] = [{ sold_at: '2010-11-30T23:59:59.999999Z' }, { sold_at: '2010-12-02T00:00:00Z' }];
        expect(await judge(check, outside)).toMatchObject({ passed: false, failing: 2 });
      });

      test('compares dates with dates and with times, and takes a date for its midnight', async () => {
        const rows: Row[] = [{ sold_on: '2010-12-01', sold_at: '2010-12-01T00:00:00Z' }];
        expect(await judge({ kind: 'inRange', column: 'sold_on', min: '2010-12-01', max: '2010-12-01' }, rows)).toMatchObject({ passed: true });
        expect(await judge({ kind: 'inRange', column: 'sold_on', minExclusive: '2010-12-01' }, rows)).toMatchObject({ passed: false });
        expect(await judge({ kind: 'inRange', column: 'sold_on', maxExclusive: '2010-12-01T00:00:00Z' }, rows)).toMatchObject({ passed: false });
        expect(await judge({ kind: 'inRange', column: 'sold_at', min: '2010-12-01', max: '2010-12-01T00:00' }, rows)).toMatchObject({ passed: true });
      });

      test('judges only the rows for which its predicate is true', async () => {
        const rows: Row[] = [{ quantity: '-1', is_return: true }, { quantity: '-1', is_return: null }, { quantity: '1' }];
        expect(await judge({ kind: 'inRange', column: 'quantity', min: 1, where: 'NOT is_return OR checked.quantity > 100' }, rows)).toMatchObject({
          passed: true,
          observed: '0 of 1 rows fail',
        });
      });

      test('cannot be run on text, and says so', async () => {
        expect(await judge({ kind: 'inRange', column: 'invoice_no', min: 1 }, [{}])).toMatchObject({
          passed: false,
          observed: 'the check could not be run',
          error: 'column "invoice_no" is text; ranges are for numbers, dates and timestamps',
        });
        expect(await judge({ kind: 'inRange', column: 'quantity', min: '2010-12-01' }, [{}])).toMatchObject({
          error: 'column "quantity" is bigint and cannot be compared with "2010-12-01"',
        });
      });
    });

    describe('acceptedValues', () => {
      test('passes for the values given and for NULL', async () => {
        const rows: Row[] = [{ invoice_no: "it's" }, { invoice_no: 'b\\' }, { invoice_no: null }];
        expect(essence(await judge({ kind: 'acceptedValues', column: 'invoice_no', values: ["it's", 'b\\'] }, rows))).toEqual({
          passed: true,
          observed: '0 of 3 rows fail',
          expected: "invoice_no one of it's, b\\ or NULL",
          failing: 0,
        });
      });

      test('fails for other values, and for NULL when it is not allowed', async () => {
        const check: CheckBody = { kind: 'acceptedValues', column: 'invoice_no', values: ['a'], allowNull: false };
        const result = await judge(check, [{ invoice_no: 'a' }, { invoice_no: 'A' }, { invoice_no: null }]);
        expect(essence(result)).toMatchObject({ passed: false, observed: '2 of 3 rows fail', expected: 'invoice_no one of a', failing: 2 });
      });

      test('compares values of the column\'s own type', async () => {
        const rows: Row[] = [{ unit_price: '2.50', quantity: '9007199254740993', is_return: false, sold_on: '2010-12-01', weight: 0.1 }];
        const accepts = async (column: string, values: (string | number | boolean)[]): Promise<unknown> =>
          judge({ kind: 'acceptedValues', column, values }, rows);
        expect(await accepts('unit_price', [2.5])).toMatchObject({ passed: true });
        expect(await accepts('quantity', ['9007199254740993'])).toMatchObject({ passed: true });
        expect(await accepts('quantity', ['9007199254740992'])).toMatchObject({ passed: false });
        expect(await accepts('is_return', [false])).toMatchObject({ passed: true });
        expect(await accepts('sold_on', ['2010-12-01'])).toMatchObject({ passed: true });
        expect(await accepts('weight', [0.1])).toMatchObject({ passed: true });
        expect(await accepts('quantity', ['many'])).toMatchObject({
          passed: false,
          error: 'column "quantity" is bigint and cannot be compared with "many"',
        });
      });
    });

    describe('rowCount', () => {
      test('compares with min and max', async () => {
        expect(essence(await judge({ kind: 'rowCount', min: 1 }, [{}]))).toEqual({
          passed: true,
          observed: '1 row',
          expected: 'at least 1 row',
          failing: undefined,
        });
        expect(essence(await judge({ kind: 'rowCount', min: 3, max: 4 }, [{}, {}]))).toEqual({
          passed: false,
          observed: '2 rows',
          expected: 'at least 3 rows and at most 4 rows',
          failing: undefined,
        });
        expect(await judge({ kind: 'rowCount', max: 1 }, [{}, {}])).toMatchObject({ passed: false });
        expect(await judge({ kind: 'rowCount', max: 1, where: 'quantity > 6' }, [{}, { quantity: '7' }])).toMatchObject({ passed: true, observed: '1 row' });
      });

      test('compares with the average of the last runs', async () => {
        const check: CheckBody = { kind: 'rowCount', againstLast: { runs: 2, tolerance: 0.5 } };
        expect(essence(await judge(check, [{}, {}, {}], { previousCounts: [2, 2, 1000] }))).toEqual({
          passed: true,
          observed: '3 rows',
          expected: 'within 50 % of the average of the last 2 runs (1 to 3)',
          failing: undefined,
        });
        expect(await judge(check, [{}, {}, {}, {}], { previousCounts: [2, 2] })).toMatchObject({ passed: false });
        expect(await judge(check, [{}], { previousCounts: [4, 4] })).toMatchObject({ passed: false, observed: '1 row' });
      });

      test('passes with a note while there are fewer earlier runs', async () => {
        const check: CheckBody = { kind: 'rowCount', min: 1, againstLast: { runs: 3, tolerance: 0.1 } };
        expect(essence(await judge(check, [{}], { previousCounts: [1000] }))).toEqual({
          passed: true,
          observed: '1 row (not compared: 1 of 3 earlier runs)',
          expected: 'at least 1 row and within 10 % of the average of the last 3 runs',
          failing: undefined,
        });
        expect(await judge(check, [], { previousCounts: [] })).toMatchObject({ passed: false, observed: '0 rows (not compared: 0 of 3 earlier runs)' });
      });
    });

    describe('rowCount against the ledger', () => {
      const target: TableSpec = {
        name: 'daily_orders',
        columns: [
          { name: 'interval_start', type: 'timestamp' },
          { name: 'interval_end', type: 'timestamp' },
          { name: 'line_no', type: 'integer' },
        ],
        key: ['interval_start', 'line_no'],
      };

      /** Publishes that many rows for a day of January. */
      async function publish(day: number, rows: number): Promise<void> {
        const [start, end] = [day, day + 1].map((number) => `2010-01-${String(number).padStart(2, '0')}T00:00:00.000Z`) as [string, string];
        const { dialect } = under.warehouse;
        const interval = `${dialect.literal(start, 'timestamp')} AS interval_start, ${dialect.literal(end, 'timestamp')} AS interval_end`;
        const query = Array.from({ length: rows }, (_, line) => `SELECT ${interval}, ${line} AS line_no`).join(' UNION ALL ');
        const tables = [{ target, from: { query }, mode: 'replace-interval' as const }];
        await under.warehouse.publish(
          { pipeline: 'daily', interval: { start, end }, generation: day, run: `run-${day}`, tables, sources: {} },
          { signal },
        );
      }

      test('takes what the intervals before this one published into the same table', async () => {
        const check: CheckBody = { kind: 'rowCount', againstLast: { runs: 2, tolerance: 0 } };
        const of = (day: number, more: Partial<CheckRequest> = {}): Partial<CheckRequest> => ({
          pipeline: 'daily',
          publishedTable: target.name,
          interval: { start: `2010-01-0${day}T00:00:00.000Z`, end: `2010-01-0${day + 1}T00:00:00.000Z` },
          ...more,
        });
        expect(await judge(check, [{}], of(3))).toMatchObject({ passed: true, observed: '1 row (not compared: 0 of 2 earlier runs)' });
        await publish(1, 5);
        await publish(2, 2);
        await publish(3, 4);
        await publish(4, 9);
        const verdict = await judge(check, [{}, {}, {}], of(4));
        expect(verdict).toMatchObject({ passed: true, observed: '3 rows', expected: 'within 0 % of the average of the last 2 runs (3 to 3)' });
        expect(await judge(check, [{}, {}], of(4))).toMatchObject({ passed: false, observed: '2 rows' });
        expect(await judge(check, [{}], of(2))).toMatchObject({ observed: '1 row (not compared: 1 of 2 earlier runs)' });
        expect(await judge(check, [{}], of(4, { publishedTable: 'another' }))).toMatchObject({ observed: '1 row (not compared: 0 of 2 earlier runs)' });
        expect(await judge(check, [{}], of(4, { pipeline: 'another' }))).toMatchObject({ observed: '1 row (not compared: 0 of 2 earlier runs)' });
      });
    });

    describe('freshness', () => {
      const check: CheckBody = { kind: 'freshness', column: 'sold_at', maxAgeSeconds: 3600, asOf: DAY.end };

      test('measures from the newest value to the given moment', async () => {
        const old: Row = { sold_at: '2010-11-01T00:00:00Z' };
        expect(essence(await judge(check, [old, { sold_at: '2010-12-01T23:00:00Z' }]))).toEqual({
          passed: true,
          observed: 'newest is 3600 s old',
          expected: `newest sold_at at most 3600 s before ${DAY.end}`,
          failing: undefined,
        });
        expect(await judge(check, [old, { sold_at: '2010-12-01T22:59:59.500Z' }])).toMatchObject({ passed: false, observed: 'newest is 3600.5 s old' });
      });

      test('passes for a value after the moment, and reads dates as their midnight', async () => {
        expect(await judge(check, [{ sold_at: '2010-12-02T00:01:00Z' }])).toMatchObject({ passed: true, observed: 'newest is 60 s after it' });
        expect(await judge({ ...check, column: 'sold_on' }, [{ sold_on: '2010-12-01' }])).toMatchObject({ passed: false, observed: 'newest is 86400 s old' });
      });

      test('fails when no row has a value', async () => {
        const nothing = { passed: false, observed: 'no row has a value' };
        expect(await judge(check, [])).toMatchObject(nothing);
        expect(await judge(check, [{ sold_at: null }])).toMatchObject(nothing);
        expect(await judge({ ...check, where: 'is_return' }, [{}])).toMatchObject(nothing);
      });
    });

    describe('completeness', () => {
      const rows: Row[] = [{}, {}, { [ODD]: null }];

      test('compares the share of filled rows exactly, and shows it rounded down', async () => {
        expect(essence(await judge({ kind: 'completeness', column: ODD, min: 0.66 }, rows))).toEqual({
          passed: true,
          observed: '0.6666 (2 of 3 rows)',
          expected: `${ODD} filled in at least 0.66 of the rows`,
          failing: 1,
        });
        const result = await judge({ kind: 'completeness', column: ODD, min: 0.67 }, rows);
        expect(result).toMatchObject({ passed: false, failing: 1 });
        expect(result.samples).toHaveLength(1);
        expect(result.samples[0]).toMatchObject({ [ODD]: null, invoice_no: '536365' });
      });
    });

    describe('schema', () => {
      const columns = Object.entries(COLUMNS).map(([name, type]) => ({ name, type: type as ColumnType }));

      test('passes for the expected columns and types in any order', async () => {
        expect(await judge({ kind: 'schema', columns: columns.toReversed() }, [])).toMatchObject({ passed: true, observed: 'as expected' });
        expect(await judge({ kind: 'schema', columns: [{ name: 'quantity', type: 'bigint' }], allowExtra: true }, [])).toMatchObject({
          passed: true,
          expected: 'quantity bigint, others allowed',
        });
      });

      test('names what is missing, of another type, or not expected', async () => {
        const expected = [
          { name: 'colour', type: 'text' as const },
          { name: 'unit_price', type: { decimal: [18, 4] as const } },
          ...columns.filter(({ name }) => name !== 'unit_price' && name !== ODD),
        ];
        expect(await judge({ kind: 'schema', columns: expected }, [])).toMatchObject({
          passed: false,
          observed: `colour is missing; unit_price is decimal(18, 2); ${ODD} is not expected`,
        });
      });
    });

    describe('reconciles', () => {
      test('compares the number of rows', async () => {
        expect(essence(await judge({ kind: 'reconciles', what: { count: true }, expected: 2, source: 'sales' }, [{}, {}]))).toEqual({
          passed: true,
          observed: '2',
          expected: 'rows = 2 (sales)',
          failing: undefined,
        });
        expect(await judge({ kind: 'reconciles', what: { count: true }, expected: '3', source: 'sales', where: 'is_return' }, [{}])).toMatchObject({
          passed: false,
          observed: '0',
        });
      });

      test('adds decimals exactly: 0.1 + 0.2 is 0.3', async () => {
        const rows: Row[] = [{ unit_price: '0.10' }, { unit_price: '0.20' }];
        expect(essence(await judge({ kind: 'reconciles', what: { sum: 'unit_price' }, expected: '0.30', source: 'sales' }, rows))).toEqual({
          passed: true,
          observed: '0.3',
          expected: 'sum of unit_price = 0.3 (sales)',
          failing: undefined,
        });
        const cent: CheckBody = { kind: 'reconciles', what: { sum: 'unit_price -- net' }, expected: '0.31', source: 'sales' };
        expect(await judge(cent, rows)).toMatchObject({ passed: false, observed: '0.3' });
        expect(await judge({ ...cent, tolerance: '0.01' }, rows)).toMatchObject({ passed: true, expected: 'sum of unit_price -- net = 0.31 ± 0.01 (sales)' });
        expect(await judge({ ...cent, tolerance: '0.009' }, rows)).toMatchObject({ passed: false });
      });

      test('sums an expression over the rows of its predicate, and nothing to 0', async () => {
        const rows: Row[] = [{ quantity: '3', unit_price: '1.15' }, { quantity: '-1', unit_price: '1.15', is_return: true }];
        const check: CheckBody = { kind: 'reconciles', what: { sum: 'quantity * unit_price' }, expected: '3.45', source: 'sales', where: 'NOT is_return' };
        expect(await judge(check, rows)).toMatchObject({ passed: true, observed: '3.45' });
        expect(await judge({ ...check, expected: 0 }, [])).toMatchObject({ passed: true, observed: '0' });
      });
    });

    describe('customSql', () => {
      test('passes when the statement yields no row, and shows the rows that it yields', async () => {
        const check: CheckBody = { kind: 'customSql', sql: 'SELECT line_no, quantity AS q FROM {{table}} WHERE quantity < 0 ;\n' };
        expect(essence(await judge(check, [{}]))).toEqual({ passed: true, observed: '0 failing rows', expected: 'no failing rows', failing: 0 });
        const result = await judge(check, [{ line_no: 2, quantity: '-1' }, { line_no: 1, quantity: '-5' }, {}]);
        expect(essence(result)).toMatchObject({ passed: false, observed: '2 failing rows', failing: 2 });
        expect(result.samples).toEqual([
          { line_no: '1', q: '-5' },
          { line_no: '2', q: '-1' },
        ]);
      });

      test('passes for true, fails for false, NULL and no row', async () => {
        const asks = async (sql: string): Promise<CheckResult> => judge({ kind: 'customSql', yields: 'boolean', sql }, [{}, {}]);
        expect(await asks('SELECT COUNT(*) = 2 FROM {{table}}')).toMatchObject({ passed: true, observed: 'true', expected: 'true' });
        expect(await asks('SELECT COUNT(*) = 3 FROM {{table}}')).toMatchObject({ passed: false, observed: 'false' });
        expect(await asks('SELECT CAST(NULL AS BOOLEAN)')).toMatchObject({ passed: false, observed: 'NULL' });
        expect(await asks('SELECT is_return FROM {{table}}')).toMatchObject({ passed: false, observed: '2 rows instead of one' });
        expect(await asks('SELECT is_return FROM {{table}} WHERE quantity < 0')).toMatchObject({ passed: false, observed: '0 rows instead of one' });
      });

      test('passes for the number 0', async () => {
        const asks = async (sql: string): Promise<CheckResult> => judge({ kind: 'customSql', yields: 'number', sql }, [{}]);
        expect(await asks('SELECT COUNT(*) FROM {{table}} WHERE quantity < 0')).toMatchObject({ passed: true, observed: '0', expected: '0' });
        expect(await asks('SELECT SUM(unit_price) FROM {{table}}')).toMatchObject({ passed: false, observed: '2.55' });
      });

      test('cannot change anything', async () => {
        const table = await tableOf([{}, {}]);
        const [result] = await run(table, [{ name: 'it', severity: 'ERROR', kind: 'customSql', sql: 'DELETE FROM {{table}} RETURNING *' }]);
        expect(result).toMatchObject({ passed: false, observed: 'the check could not be run' });
        const [count] = await run(table, [{ name: 'it', severity: 'ERROR', kind: 'rowCount', min: 1 }]);
        expect(count).toMatchObject({ observed: '2 rows' });
      });
    });

    describe('names and values', () => {
      test('are quoted, whatever they hold', async () => {
        const evil = `'; DROP TABLE "orders"; --`;
        const rows: Row[] = [{ [ODD]: evil }, { [ODD]: evil }];
        expect(await judge({ kind: 'acceptedValues', column: ODD, values: [evil] }, rows)).toMatchObject({ passed: true });
        expect(await judge({ kind: 'notNull', columns: [ODD] }, rows)).toMatchObject({ passed: true });
        const result = await judge({ kind: 'unique', columns: [ODD] }, rows);
        expect(result.samples).toEqual([{ [ODD]: evil, 'count(*)': '2' }]);
      });

      test('a column that the table does not have is a failed result that names it', async () => {
        const result = await judge({ kind: 'notNull', columns: ['invoice_no" IS NULL OR "line_no'] }, [{}]);
        expect(result).toMatchObject({ passed: false, observed: 'the check could not be run', samples: [] });
        expect(result.error).toMatch(/^the table has no column "invoice_no" IS NULL OR "line_no"; its columns are invoice_no, line_no, /);
      });
    });

    describe('samples', () => {
      test('are at most 5 and the same every time, whatever order the rows are stored in', async () => {
        const rows = Array.from({ length: 12 }, (_, index): Row => ({ quantity: String(-1 - ((index * 5) % 12)), line_no: index }));
        const check: CheckBody = { kind: 'inRange', column: 'quantity', min: 0 };
        const result = await judge(check, rows);
        const again = await judge(check, rows.toReversed());
        expect(result).toMatchObject({ observed: '12 of 12 rows fail', failing: 12 });
        expect(result.samples.map((sample) => sample['quantity'])).toEqual(['-12', '-11', '-10', '-9', '-8']);
        expect(again.samples).toEqual(result.samples);
      });

      test('show the columns of the check first, and cut what is long', async () => {
        const result = await judge({ kind: 'inRange', column: 'quantity', min: 0 }, [{ quantity: '-1', invoice_no: 'x'.repeat(5000) }]);
        expect(Object.keys(result.samples[0] ?? {})[0]).toBe('quantity');
        expect(result.samples[0]?.['invoice_no']).toBe(`${'x'.repeat(200)}…`);
      });
    });

    describe('an empty table', () => {
      test('passes the rules about rows; a minimum of rows and freshness fail', async () => {
        const results = await run(await tableOf([]), [
          { name: 'notNull', severity: 'ERROR', kind: 'notNull', columns: ['invoice_no'] },
          { name: 'unique', severity: 'ERROR', kind: 'unique', columns: ['invoice_no'] },
          { name: 'inRange', severity: 'ERROR', kind: 'inRange', column: 'quantity', min: 1 },
          { name: 'acceptedValues', severity: 'ERROR', kind: 'acceptedValues', column: 'invoice_no', values: ['a'], allowNull: false },
          { name: 'completeness', severity: 'ERROR', kind: 'completeness', column: 'invoice_no', min: 1 },
          { name: 'reconciles', severity: 'ERROR', kind: 'reconciles', what: { sum: 'quantity' }, expected: 0, source: 'sales' },
          { name: 'customSql', severity: 'ERROR', kind: 'customSql', sql: 'SELECT * FROM {{table}}' },
          { name: 'rowCount', severity: 'ERROR', kind: 'rowCount', min: 1 },
          { name: 'freshness', severity: 'ERROR', kind: 'freshness', column: 'sold_at', maxAgeSeconds: 1, asOf: DAY.end },
        ]);
        expect(results.filter((result) => !result.passed).map((result) => result.name)).toEqual(['rowCount', 'freshness']);
        expect(results.find((result) => result.name === 'completeness')).toMatchObject({ observed: '1 (0 of 0 rows)' });
      });
    });

    describe('a run of many checks', () => {
      /** Records the statements that the checks sent. */
      function recording(): { warehouse: Warehouse; statements: string[] } {
        const statements: string[] = [];
        const query: Warehouse['query'] = async (sql, options) => {
          statements.push(sql);
          return under.warehouse.query(sql, options);
        };
        return { statements, warehouse: { ...under.warehouse, query } };
      }

      const ten: readonly Check[] = [
        { name: 'invoice', severity: 'ERROR', kind: 'notNull', columns: ['invoice_no'] },
        { name: 'line', severity: 'ERROR', kind: 'notNull', columns: ['line_no'] },
        { name: 'dates', severity: 'ERROR', kind: 'inRange', column: 'sold_at', min: DAY.start, maxExclusive: DAY.end },
        { name: 'quantity', severity: 'ERROR', kind: 'inRange', column: 'quantity', min: 1 },
        { name: 'price', severity: 'WARN', kind: 'inRange', column: 'unit_price', minExclusive: 0 },
        { name: 'returns', severity: 'ERROR', kind: 'acceptedValues', column: 'is_return', values: [true, false] },
        { name: 'odd', severity: 'WARN', kind: 'completeness', column: ODD, min: 0.9 },
        { name: 'rows', severity: 'ERROR', kind: 'rowCount', min: 1 },
        { name: 'count', severity: 'ERROR', kind: 'reconciles', what: { count: true }, expected: 1, source: 'sales' },
        { name: 'revenue', severity: 'ERROR', kind: 'reconciles', what: { sum: 'quantity * unit_price' }, expected: '15.30', source: 'sales' },
      ];

      test('scans the table once for ten aggregates; a unique key and a failure cost one statement each', async () => {
        const good = recording();
        const results = await run(await tableOf([{}]), ten, {}, good.warehouse);
        expect(results.map((result) => [result.name, result.passed])).toEqual(ten.map((check) => [check.name, true]));
        expect(good.statements).toHaveLength(1);

        const more = recording();
        await run(await tableOf([{ quantity: '0', unit_price: '1' }]), [...ten, { name: 'key', severity: 'ERROR', kind: 'unique', columns: ['line_no'] }], {}, more.warehouse);
        expect(more.statements).toHaveLength(3);
      });

      test('one predicate that the warehouse rejects fails its own check only', async () => {
        const broken: Check = { name: 'broken', severity: 'WARN', kind: 'rowCount', min: 1, where: 'no_such_column > 1' };
        const results = await run(await tableOf([{}]), [...ten.slice(0, 3), broken, ...ten.slice(3)]);
        expect(results.filter((result) => !result.passed)).toHaveLength(1);
        expect(results[3]).toMatchObject({ name: 'broken', severity: 'WARN', passed: false, observed: 'the check could not be run' });
        expect(results[3]?.error).toContain('no_such_column');
        expect(failedErrors(results)).toEqual([]);
      });

      test('a table that does not exist fails every check', async () => {
        const results = await run('no such table', ten);
        expect(results).toHaveLength(10);
        expect(new Set(results.map((result) => result.error))).toEqual(new Set(['there is no table "no such table"']));
      });

      test('an ERROR stops publishing with a message that names each failed check; a WARN does not', async () => {
        const results = await run(await tableOf([{ quantity: '0', unit_price: '0' }]), ten, { publishedTable: 'orders' });
        expect(failedErrors(results).map((result) => result.name)).toEqual(['quantity', 'revenue']);
        const error = checksFailed(results);
        expect(error).toMatchObject({ code: 'CHECK_FAILED', retryable: false, details: { results } });
        expect(error.message.split('\n')).toEqual([
          '2 of 10 checks failed for orders, which stays as it was: quantity, revenue. Correct the source or the check, then run again.',
          '- quantity: 1 of 1 rows fail; expected quantity >= 1',
          '- revenue: 0; expected sum of quantity * unit_price = 15.3 (sales)',
        ]);
        expect(results.find((result) => result.name === 'price')).toMatchObject({ severity: 'WARN', passed: false, table: 'orders' });
      });

      test('stores its results once, however often it is repeated, and beside those of other runs', async () => {
        const table = await tableOf([{ quantity: '0' }]);
        const checks = ten.slice(0, 4);
        await run(table, checks, { run: 'stored-1', publishedTable: `orders it's` });
        await run(table, checks.slice(1), { run: 'stored-1', publishedTable: `orders it's` });
        await run(table, checks, { run: 'stored-2', publishedTable: `orders it's` });
        const { rows } = await under.warehouse.query(
          `SELECT run, check_name, passed, failing, observed, samples FROM millrace_checks WHERE table_name = 'orders it''s' ORDER BY run, check_name`,
        );
        expect(rows.map((row) => row.slice(0, 2))).toEqual([
          ['stored-1', 'dates'],
          ['stored-1', 'line'],
          ['stored-1', 'quantity'],
          ['stored-2', 'dates'],
          ['stored-2', 'invoice'],
          ['stored-2', 'line'],
          ['stored-2', 'quantity'],
        ]);
        expect(rows[2]?.[2]).toBe(false);
        expect(Number(rows[2]?.[3])).toBe(1);
        expect(rows[2]?.[4]).toBe('1 of 1 rows fail');
        expect(JSON.parse(String(rows[2]?.[5]))).toMatchObject([{ quantity: '0', invoice_no: '536365' }]);
      });

      test('a warehouse that is down is no result: the error goes to the step, and nothing is stored', async () => {
        const down: Warehouse = {
          ...under.warehouse,
          query: async () => {
            throw new MillraceError('WAREHOUSE_UNAVAILABLE', 'the warehouse is down');
          },
        };
        await expect(run(await tableOf([{}]), ten, { run: 'down' }, down)).rejects.toMatchObject({ code: 'WAREHOUSE_UNAVAILABLE', retryable: true });
        const { rows } = await under.warehouse.query(`SELECT COUNT(*) FROM millrace_checks WHERE run = 'down'`);
        expect(Number(rows[0]?.[0])).toBe(0);
      });

      test('an aborted signal ends it with the reason', async () => {
        const controller = new AbortController();
        const table = await tableOf([{}]);
        controller.abort(new Error('cancelled by the operator'));
        const request = { table, checks: ten, pipeline: 'shop', run: 'aborted', interval: DAY };
        await expect(runChecks(under.warehouse, request, { signal: controller.signal })).rejects.toThrow('cancelled by the operator');
      });
    });
  });
}
