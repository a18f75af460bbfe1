import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { withDatabaseFile, type DuckDBLimits } from '../../src/duckdb/duckdb.js';
import { createDuckDBSqlSource } from '../../src/sources/duckdb-sql.js';
import { createMySqlSource } from '../../src/sources/mysql.js';
import { locateMariaDb, startMariaDb } from '../servers/mariadb.js';
import { describeWithServer } from '../support/with-server.js';
import { sqlSourceContract, type SqlSourceUnderTest } from './sql-source.contract.js';

async function mysql(): Promise<SqlSourceUnderTest> {
  const server = await startMariaDb();
  const admin = await server.connectAdmin();
  const run = async (statements: readonly string[]): Promise<void> => {
    for (const statement of statements) await admin.query(statement);
  };
  const running = async (): Promise<boolean> => {
    const [rows] = await admin.query("SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT SUM(a.d * b.d%'");
    return (rows as unknown[]).length > 0;
  };
  return {
    source: createMySqlSource(server),
    prepare: run,
    writeMeanwhile: (statements) => run(statements).then(() => 'written'),
    slowQuery: `SELECT SUM(a.d * b.d * c.d * e.d * f.d * g.d * h.d * i.d * j.d) FROM ${'abcefghij'.split('').map((alias) => `digits ${alias}`).join(', ')}`,
    async untilSlowQuery(state) {
      while ((await running()) !== (state === 'running'));
    },
    async stop() {
      await admin.end();
      await server.stop();
    },
  };
}

async function duckdb(): Promise<SqlSourceUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-sql-source-'));
  const path = join(folder, 'shop.duckdb');
  const limits: DuckDBLimits = { memoryLimit: '256MB', threads: 2, scratchDir: join(folder, 'scratch') };
  return {
    source: createDuckDBSqlSource({ path, limits }),
    prepare: (statements) =>
      withDatabaseFile(path, limits, async (connection) => {
        for (const statement of statements) await connection.run(statement);
      }),
    // Another process, as the file's lock binds processes.
    async writeMeanwhile(statements) {
      const writer = fork(join(import.meta.dirname, '../support/write-duckdb-file.ts'), [path, ...statements], { execArgv: ['--import', 'tsx'] });
      const [code] = (await once(writer, 'exit')) as [number];
      return code === 0 ? 'written' : 'refused';
    },
    slowQuery: 'SELECT sum(a.range * b.range % 7) FROM range(10000000) AS a, range(1000000) AS b',
    // The engine works in this process: it shows by the processor time that passes while this thread sleeps.
    async untilSlowQuery(state) {
      for (;;) {
        const before = process.cpuUsage();
        await delay(100);
        const { user } = process.cpuUsage(before);
        if (user > 60_000 === (state === 'running')) return;
      }
    },
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}

sqlSourceContract('DuckDB', duckdb);
describeWithServer('with a MariaDB server', locateMariaDb, () => sqlSourceContract('MySQL', mysql));
