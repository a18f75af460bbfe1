import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SqlSnapshot, SqlSource, TextRow } from '../../src/sources/sql-source.js';

/** A source with its database, which the contract fills by statements that every SQL database understands. */
export interface SqlSourceUnderTest {
  source: SqlSource;
  /** Runs statements before anybody reads. */
  prepare(statements: readonly string[]): Promise<void>;
  /** Writes from elsewhere while a snapshot is open; a database that has one user at a time may refuse. */
  writeMeanwhile(statements: readonly string[]): Promise<'written' | 'refused'>;
  /** A statement that gives one row after minutes of work. */
  slowQuery: string;
  /** Resolves when the slow statement is running, or no longer running, on the server. */
  untilSlowQuery(state: 'running' | 'gone'): Promise<void>;
  stop(): Promise<void>;
}

const never = new AbortController().signal;
const ROWS = 12_345;

export async function rowsOf(snapshot: SqlSnapshot, sql: string, parameters: readonly (string | number)[] = []): Promise<TextRow[]> {
  const rows: TextRow[] = [];
  for await (const batch of snapshot.stream(sql, parameters)) rows.push(...batch);
  return rows;
}

export function sqlSourceContract(label: string, make: () => Promise<SqlSourceUnderTest>): void {
  describe(`the SQL source ${label}`, () => {
    let db: SqlSourceUnderTest;
    const read = (sql: string, parameters: readonly (string | number)[] = []): Promise<TextRow[]> =>
      db.source.snapshot((snapshot) => rowsOf(snapshot, sql, parameters), { signal: never });

    beforeAll(async () => {
      db = await make();
      await db.prepare([
        'CREATE TABLE texts (id INTEGER, label VARCHAR(100), amount DECIMAL(20,4), big BIGINT, day DATE)',
        `INSERT INTO texts VALUES (1, 'quote '' and ; and ?', 12.1000, 9223372036854775807, '2012-02-29'),
          (2, '', -0.0001, -9223372036854775808, '2010-12-01'), (3, 'Größe 日本 🚲', 1234567890123456.7890, 0, '0001-01-01'),
          (4, NULL, NULL, NULL, NULL), (5, 'two
lines', 0, 1, '2010-12-02')`,
        'CREATE TABLE digits (d INTEGER)',
        'INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)',
        'CREATE TABLE numbers (n INTEGER, label VARCHAR(40))',
        `INSERT INTO numbers SELECT * FROM (SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n, 'a label of some length'
          FROM digits a, digits b, digits c, digits e, digits f) AS every_number WHERE n < ${ROWS}`,
        'CREATE TABLE orders (id INTEGER)',
        'CREATE TABLE order_lines (order_id INTEGER)',
        'INSERT INTO orders VALUES (1), (2)',
        'INSERT INTO order_lines VALUES (1), (2)',
        'CREATE TABLE nothing (id INTEGER)',
      ]);
    });
    afterAll(async () => {
      await db?.source.close();
      await db?.stop();
    });

    test('gives every value as the text that the database holds: decimals, big integers, dates, quotes, line breaks, emoji', async () => {
      expect(await read('SELECT * FROM texts ORDER BY id')).toEqual([
        ['1', "quote ' and ; and ?", '12.1000', '9223372036854775807', '2012-02-29'],
        ['2', '', '-0.0001', '-9223372036854775808', '2010-12-01'],
        ['3', 'Größe 日本 🚲', '1234567890123456.7890', '0', '0001-01-01'],
        ['4', null, null, null, null],
        ['5', 'two\nlines', '0.0000', '1', '2010-12-02'],
      ]);
    });

    test('keeps columns of the same name apart', async () => {
      expect(await read('SELECT a.id, b.id FROM texts a JOIN texts b ON b.id = a.id + 1 WHERE a.id = 1')).toEqual([['1', '2']]);
    });

    test('takes parameters as values, whatever characters they hold', async () => {
      expect(await read('SELECT id FROM texts WHERE label = ? AND id < ?', ["quote ' and ; and ?", 9])).toEqual([['1']]);
      expect(await read('SELECT id FROM texts WHERE day = ?', ['2012-02-29'])).toEqual([['1']]);
      expect(await read('SELECT id FROM texts WHERE label = ?', ["x' OR 1 = 1 -- \\"])).toEqual([]);
    });

    test('leaves a question mark inside a literal alone, and takes a trailing semicolon or comment', async () => {
      expect(await read("SELECT id FROM texts WHERE label LIKE '%?';")).toEqual([['1']]);
      expect(await read('SELECT id FROM texts WHERE id = 2 -- the second')).toEqual([['2']]);
    });

    test('streams in batches, in the order of the statement, every row once', async () => {
      const sizes: number[] = [];
      const seen: string[] = [];
      await db.source.snapshot(
        async (snapshot) => {
          for await (const batch of snapshot.stream('SELECT n, label FROM numbers ORDER BY n DESC', [])) {
            sizes.push(batch.length);
            for (const row of batch) seen.push(row[0] ?? '');
          }
        },
        { signal: never },
      );
      expect(seen).toEqual(Array.from({ length: ROWS }, (_, index) => String(ROWS - 1 - index)));
      expect(Math.max(...sizes)).toBeLessThanOrEqual(2048);
    });

    test('gives no batch for a table without rows', async () => {
      const batches = await db.source.snapshot(
        async (snapshot) => {
          let count = 0;
          for await (const batch of snapshot.stream('SELECT * FROM nothing', [])) count += batch.length + 1;
          return count;
        },
        { signal: never },
      );
      expect(batches).toBe(0);
    });

    test('reads all tables from one snapshot: what is written between two tables is not seen, and is seen by the next snapshot', async () => {
      const [outcome, orders, lines] = await db.source.snapshot(
        async (snapshot) => {
          const before = await rowsOf(snapshot, 'SELECT id FROM orders ORDER BY id');
          const written = await db.writeMeanwhile([
            'INSERT INTO orders VALUES (3)',
            'INSERT INTO order_lines VALUES (3)',
            'DELETE FROM order_lines WHERE order_id = 1',
          ]);
          return [written, before, await rowsOf(snapshot, 'SELECT order_id FROM order_lines ORDER BY order_id')] as const;
        },
        { signal: never },
      );
      expect([orders, lines]).toEqual([[['1'], ['2']], [['1'], ['2']]]);
      const later = outcome === 'written' ? [['2'], ['3']] : [['1'], ['2']];
      expect(await read('SELECT order_id FROM order_lines ORDER BY order_id')).toEqual(later);
    });

    test('refuses to stream a second statement while the first one is not at its end', async () => {
      const failure = db.source.snapshot(
        async (snapshot) => {
          for await (const _ of snapshot.stream('SELECT n FROM numbers', [])) await rowsOf(snapshot, 'SELECT id FROM orders');
        },
        { signal: never },
      );
      await expect(failure).rejects.toMatchObject({ code: 'BAD_PARAMS' });
    });

    test('passes the reader’s own error on when it stops in the middle, and can be read again', async () => {
      const failure = db.source.snapshot(
        async (snapshot) => {
          for await (const _ of snapshot.stream('SELECT n FROM numbers', [])) throw new RangeError('disk full');
        },
        { signal: never },
      );
      await expect(failure).rejects.toThrow(new RangeError('disk full'));
      expect(await read('SELECT count(*) FROM numbers')).toEqual([[String(ROWS)]]);
    });

    test.each([
      ['SELECT * FROM no_such_table', 'SOURCE_MISSING', 'no_such_table'],
      ['SELECT no_such_column FROM texts', 'SOURCE_REJECTED', 'no_such_column'],
      ['SELEKT 1', 'SOURCE_REJECTED', 'SELEKT'],
    ])('answers %s with %s, naming the source and %s', async (sql, code, name) => {
      const failure: unknown = await read(sql).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code });
      expect(String(failure)).toContain(db.source.description);
      expect(String(failure)).toContain(name);
    });

    test('does nothing when the signal has aborted already', async () => {
      const gone = AbortSignal.abort(new Error('cancelled before'));
      await expect(db.source.snapshot((snapshot) => rowsOf(snapshot, 'SELECT 1'), { signal: gone })).rejects.toThrow('cancelled before');
    });

    test('stops a statement that works for minutes as soon as the signal aborts, on the server too', async () => {
      const control = new AbortController();
      const failure = db.source
        .snapshot((snapshot) => rowsOf(snapshot, db.slowQuery), { signal: control.signal })
        .catch((error: unknown) => error);
      await db.untilSlowQuery('running');
      const aborted = performance.now();
      control.abort(new Error('cancelled by the test'));
      expect(String(await failure)).toContain('cancelled by the test');
      await db.untilSlowQuery('gone');
      expect(performance.now() - aborted).toBeLessThan(5_000);
    });

    test('stops between two batches when the signal aborts', async () => {
      const control = new AbortController();
      let batches = 0;
      const failure = db.source.snapshot(
        async (snapshot) => {
          for await (const _ of snapshot.stream('SELECT n FROM numbers', [])) {
            batches += 1;
            control.abort(new Error('cancelled in the middle'));
          }
        },
        { signal: control.signal },
      );
      await expect(failure).rejects.toThrow('cancelled in the middle');
      expect(batches).toBe(1);
    });

    test('says in one sentence that it can be read', async () => {
      expect(await db.source.check()).toContain(db.source.description);
    });
  });
}
