import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMySqlSource, type MySqlSourceOptions } from '../../src/sources/mysql.js';
import type { SqlSource, TextRow } from '../../src/sources/sql-source.js';
import { locateMariaDb, startMariaDb, type MariaDb } from '../servers/mariadb.js';
import { describeWithServer } from '../support/with-server.js';
import { rowsOf } from '../contracts/sql-source.contract.js';

const never = new AbortController().signal;
const read = (source: SqlSource, sql: string, parameters: (string | number)[] = []): Promise<TextRow[]> =>
  source.snapshot((snapshot) => rowsOf(snapshot, sql, parameters), { signal: never });
const failureOf = (work: Promise<unknown>): Promise<unknown> => work.then((value) => ({ none: value }), (error: unknown) => error);
/** The connection that runs a statement like this one, once it does. */
async function connectionOf(admin: Connection, pattern: string): Promise<{ id: number }> {
  for (;;) {
    const [rows] = await admin.query('SELECT id FROM information_schema.processlist WHERE info LIKE ? AND id <> CONNECTION_ID()', [pattern]);
    const [found] = rows as { id: number }[];
    if (found) return found;
  }
}

describeWithServer('the MySQL source', locateMariaDb, () => {
  let server: MariaDb;
  let admin: Connection;
  const sourceWith = (options: Partial<MySqlSourceOptions> = {}): SqlSource => createMySqlSource({ ...server, ...options });

  beforeAll(async () => {
    server = await startMariaDb();
    admin = await server.connectAdmin();
    // A server whose own zone is not UTC, to show that it does not matter.
    await admin.query("SET GLOBAL time_zone = '-05:00'");
    await admin.query("SET SESSION time_zone = '+00:00', sql_mode = ''");
    await admin.query(`CREATE TABLE oddities (id INT, at DATETIME(6), stamp TIMESTAMP NULL, day DATE, t TIME, flags BIT(10), raw VARBINARY(8),
      doc JSON, old VARCHAR(20) CHARACTER SET latin1, ratio DOUBLE, price DECIMAL(30,10), big BIGINT UNSIGNED, kind ENUM('a','b'), y YEAR)`);
    await admin.query(`INSERT INTO oddities VALUES (1, '2010-12-01 08:26:00.123456', '2010-12-01 08:26:00', '0000-00-00', '-838:59:59', b'1000000001',
      X'00FF10', '{"a": 12345678901234567890}', 'café', 0.1, 12345678901234567890.0123456789, 18446744073709551615, 'b', 1999)`);
  });
  afterAll(async () => {
    await admin?.end();
    await server?.stop();
  });

  /** The server waits for its reader whenever one looks; once would be chance. Fails when the statement has ended instead. */
  async function untilHeldBack(pattern: string): Promise<void> {
    for (let looks = 0; looks < 300; ) {
      const [rows] = await admin.query('SELECT state FROM information_schema.processlist WHERE info LIKE ? AND id <> CONNECTION_ID()', [pattern]);
      const [found] = rows as { state: string }[];
      if (!found) throw new Error('the server has sent everything to a reader that paused');
      looks = found.state === 'Writing to net' ? looks + 1 : 0;
    }
  }

  describe('gives values as the server sends them', () => {
    test('microseconds, zero dates, long times, bits, bytes, JSON, other character sets, unsigned and exact numbers', async () => {
      expect(await read(sourceWith(), 'SELECT * FROM oddities')).toEqual([
        [
          '1',
          '2010-12-01 08:26:00.123456',
          '2010-12-01 08:26:00',
          '0000-00-00',
          '-838:59:59',
          '513',
          '00ff10',
          '{"a": 12345678901234567890}',
          'café',
          '0.1',
          '12345678901234567890.0123456789',
          '18446744073709551615',
          'b',
          '1999',
        ],
      ]);
    });

    test('TIMESTAMP columns in the zone of the connection, DATETIME columns as they are', async () => {
      const source = sourceWith({ timezone: '+02:00' });
      expect(source.timezone).toBe('+02:00');
      expect(await read(source, 'SELECT stamp, at FROM oddities')).toEqual([['2010-12-01 10:26:00', '2010-12-01 08:26:00.123456']]);
    });

    test('a zone that the server does not know is refused with the remedy', async () => {
      const failure = await failureOf(read(sourceWith({ timezone: 'Mars/Olympus' }), 'SELECT 1'));
      expect(failure).toMatchObject({ code: 'SOURCE_REJECTED', message: expect.stringContaining('mysql_tzinfo_to_sql') as string });
    });

    test('parameters stay values on a server that treats backslashes as text', async () => {
      await admin.query("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES'");
      try {
        expect(await read(sourceWith(), 'SELECT ?', [String.raw`\' OR 1=1 -- `])).toEqual([[String.raw`\' OR 1=1 -- `]]);
      } finally {
        await admin.query("SET GLOBAL sql_mode = ''");
      }
    });

    test('the table stays read-only: a statement that writes is refused', async () => {
      expect(await failureOf(read(sourceWith(), 'DELETE FROM oddities'))).toMatchObject({ retryable: false });
      expect(await read(sourceWith(), 'SELECT COUNT(*) FROM oddities')).toEqual([['1']]);
    });
  });

  describe('streams with bounded memory', () => {
    test('a reader that pauses holds the server back, and all 1,000,000 rows arrive once', async () => {
      const used = (): number => {
        const { heapUsed, external } = process.memoryUsage();
        return heapUsed + external;
      };
      const label = 'x'.repeat(200);
      const before = used();
      let [count, sum, growth] = [0, 0, Infinity];
      await sourceWith({ readTimeoutMs: 5_000 }).snapshot(
        async (snapshot) => {
          for await (const batch of snapshot.stream(`SELECT seq, '${label}' AS paused FROM seq_1_to_1000000`, [])) {
            if (count === 0) {
              await untilHeldBack('%AS paused%');
              growth = used() - before;
            }
            count += batch.length;
            for (const row of batch) sum += Number(row[0]);
          }
        },
        { signal: never },
      );
      expect(growth).toBeLessThan(64 * 1024 * 1024);
      expect([count, sum]).toEqual([1_000_000, 500_000_500_000]);
    });

    test('the reader’s own pauses do not count as the server’s silence', async () => {
      let count = 0;
      await sourceWith({ readTimeoutMs: 100 }).snapshot(
        async (snapshot) => {
          for await (const batch of snapshot.stream("SELECT seq, REPEAT('p', 1000) FROM seq_1_to_10000", [])) {
            if (count === 0) await delay(300);
            count += batch.length;
          }
        },
        { signal: never },
      );
      expect(count).toBe(10_000);
    });

    test('wide rows come in smaller batches', async () => {
      const sizes: number[] = [];
      await sourceWith().snapshot(
        async (snapshot) => {
          for await (const batch of snapshot.stream("SELECT REPEAT('w', 1000000) FROM seq_1_to_30", [])) sizes.push(batch.length);
        },
        { signal: never },
      );
      expect(sizes.reduce((a, b) => a + b)).toBe(30);
      expect(Math.max(...sizes)).toBeLessThan(10);
    });
  });

  describe('never gives a short result in silence', () => {
    test.each(['CONNECTION', 'QUERY'])('KILL %s in the middle of a stream: SOURCE_UNAVAILABLE', async (what) => {
      let rows = 0;
      const failure = await failureOf(
        sourceWith().snapshot(
          async (snapshot) => {
            for await (const batch of snapshot.stream(`SELECT seq, REPEAT('k', 100) AS killed_${what} FROM seq_1_to_5000000`, [])) {
              if (rows === 0) await admin.query(`KILL ${what} ${(await connectionOf(admin, `%killed_${what}%`)).id}`);
              rows += batch.length;
            }
          },
          { signal: never },
        ),
      );
      expect(failure).toMatchObject({ code: 'SOURCE_UNAVAILABLE', message: expect.stringContaining(`mysql://127.0.0.1:${server.port}/shop`) as string });
      expect(rows).toBeLessThan(5_000_000);
    });

    test('KILL CONNECTION between two tables: the second one does not start on a new snapshot', async () => {
      const failure = await failureOf(
        sourceWith().snapshot(
          async (snapshot) => {
            const [[id]] = (await rowsOf(snapshot, 'SELECT CONNECTION_ID()')) as [[string]];
            await admin.query(`KILL CONNECTION ${id}`);
            await rowsOf(snapshot, 'SELECT * FROM oddities');
          },
          { signal: never },
        ),
      );
      expect(failure).toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
    });

    test('a table that is altered under the snapshot: SOURCE_UNAVAILABLE, as a new snapshot can read it', async () => {
      await admin.query('CREATE TABLE altered (id INT)');
      const failure = failureOf(
        sourceWith().snapshot(
          async (snapshot) => {
            await rowsOf(snapshot, 'SELECT 1');
            await admin.query('ALTER TABLE altered ADD COLUMN more INT, ALGORITHM=COPY');
            await rowsOf(snapshot, 'SELECT * FROM altered');
          },
          { signal: never },
        ),
      );
      expect(await failure).toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
    });

    test('a snapshot that has ended streams nothing more', async () => {
      const kept = await sourceWith().snapshot((snapshot) => Promise.resolve(snapshot), { signal: never });
      expect(await failureOf(rowsOf(kept, 'SELECT 1'))).toMatchObject({ code: 'BAD_PARAMS' });
    });
  });

  describe('says who must do what', () => {
    test('a wrong password: SOURCE_FORBIDDEN, without the password', async () => {
      const failure = await failureOf(read(sourceWith({ password: 'wr0ng-p4ss' }), 'SELECT 1'));
      expect(failure).toMatchObject({ code: 'SOURCE_FORBIDDEN', retryable: false });
      expect(JSON.stringify([String(failure), failure])).not.toContain('wr0ng-p4ss');
    });

    test('a password that the server repeats in its message is taken out of ours', async () => {
      const password = server.password;
      const failure = await failureOf(read(sourceWith(), `SELECT \`${password}\``));
      expect(failure).toMatchObject({ code: 'SOURCE_REJECTED', message: expect.stringContaining("Unknown column '***'") as string });
    });

    test('a database without a grant is forbidden, one that does not exist is missing', async () => {
      expect(await failureOf(read(sourceWith({ database: 'mysql' }), 'SELECT 1'))).toMatchObject({ code: 'SOURCE_FORBIDDEN' });
      const everything = { user: 'admin', password: server.adminPassword };
      expect(await failureOf(read(sourceWith({ ...everything, database: 'nowhere' }), 'SELECT 1'))).toMatchObject({ code: 'SOURCE_MISSING' });
    });

    test('a table without a grant is forbidden', async () => {
      expect(await failureOf(read(sourceWith(), 'SELECT * FROM mysql.global_priv'))).toMatchObject({ code: 'SOURCE_FORBIDDEN' });
    });

    test('TLS that the server does not offer is refused, not left out', async () => {
      expect(await failureOf(read(sourceWith({ ssl: true }), 'SELECT 1'))).toMatchObject({ code: 'SOURCE_REJECTED', message: expect.stringContaining('TLS') as string });
    });

    test('too many connections: SOURCE_UNAVAILABLE', async () => {
      await admin.query("CREATE USER 'narrow'@'127.0.0.1' IDENTIFIED BY 'narrow' WITH MAX_USER_CONNECTIONS 1");
      const narrow = sourceWith({ user: 'narrow', password: 'narrow', database: 'information_schema' });
      const failure = await narrow.snapshot(() => failureOf(read(narrow, 'SELECT 1')), { signal: never });
      expect(failure).toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
    });

    test('a statement beyond the server’s own time limit: SOURCE_UNAVAILABLE', async () => {
      const slow = 'SET STATEMENT max_statement_time = 0.05 FOR SELECT COUNT(*) FROM seq_1_to_100000 a, seq_1_to_100000 b';
      expect(await failureOf(read(sourceWith(), slow))).toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
    });

    test('nobody listens, or somebody who says nothing: SOURCE_UNAVAILABLE within the connect timeout', async () => {
      const mute = createServer();
      await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
      const { port } = mute.address() as AddressInfo;
      const closed = new Promise((resolve) => mute.once('connection', (socket) => socket.once('close', resolve)));
      expect(await failureOf(read(sourceWith({ port, connectTimeoutMs: 200 }), 'SELECT 1'))).toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
      await closed;
      await new Promise((resolve) => mute.close(resolve));
      expect(await failureOf(sourceWith({ port }).check())).toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
    });
  });
});

describeWithServer('the MySQL source on a server in trouble', locateMariaDb, () => {
  let server: MariaDb;
  beforeAll(async () => {
    server = await startMariaDb();
  });
  afterAll(() => server?.stop());

  const streamUntilTrouble = (trouble: () => void): Promise<unknown> =>
    failureOf(
      createMySqlSource({ ...server, readTimeoutMs: 500, connectTimeoutMs: 500 }).snapshot(
        async (snapshot) => {
          let first = true;
          for await (const _ of snapshot.stream("SELECT seq, REPEAT('t', 100) FROM seq_1_to_5000000", [])) {
            if (first) trouble();
            first = false;
          }
        },
        { signal: never },
      ),
    );

  test('that hangs in the middle of a stream: SOURCE_UNAVAILABLE after the read timeout', async () => {
    expect(await streamUntilTrouble(() => process.kill(server.pid, 'SIGSTOP'))).toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
      message: expect.stringContaining('sent nothing for') as string,
    });
    process.kill(server.pid, 'SIGCONT');
    expect(await read(createMySqlSource(server), 'SELECT 1')).toEqual([['1']]);
  });

  test('that is killed in the middle of a stream: SOURCE_UNAVAILABLE', async () => {
    expect(await streamUntilTrouble(() => process.kill(server.pid, 'SIGKILL'))).toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
  });
});
