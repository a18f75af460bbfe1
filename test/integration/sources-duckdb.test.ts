import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withDatabaseFile, type DuckDBLimits } from '../../src/duckdb/duckdb.js';
import { createDuckDBSqlSource } from '../../src/sources/duckdb-sql.js';
import type { TextRow } from '../../src/sources/sql-source.js';
import { rowsOf } from '../contracts/sql-source.contract.js';

const never = new AbortController().signal;
const failureOf = (work: Promise<unknown>): Promise<unknown> => work.then((value) => ({ none: value }), (error: unknown) => error);

describe('the DuckDB source', () => {
  let folder: string;
  let path: string;
  let limits: DuckDBLimits;
  const read = (file: string, sql: string, waitMs = 30_000): Promise<TextRow[]> =>
    createDuckDBSqlSource({ path: file, limits, waitMs }).snapshot((snapshot) => rowsOf(snapshot, sql), { signal: never });
  async function fileWith(name: string, content: Buffer | string): Promise<string> {
    const file = join(folder, name);
    await writeFile(file, content);
    return file;
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-duckdb-source-'));
    path = join(folder, 'shop.duckdb');
    limits = { memoryLimit: '128MB', threads: 2, scratchDir: join(folder, 'scratch') };
    await withDatabaseFile(path, limits, async (connection) => {
      await connection.run(`CREATE TABLE lines AS SELECT i AS id, 'line ' || hash(i) AS label, TIMESTAMP '2010-12-01 08:26:00.123456' AS made,
        TIMESTAMPTZ '2010-12-01 08:26:00+01' AS seen FROM range(300000) r(i)`);
    });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('gives times as text in UTC, and big results in the order of the statement', async () => {
    expect(await read(path, 'SELECT made, seen FROM lines LIMIT 1')).toEqual([['2010-12-01 08:26:00.123456', '2010-12-01 07:26:00+00']]);
    const rows = await read(path, 'SELECT id FROM lines ORDER BY label, id');
    const expected = await read(path, 'SELECT list(id ORDER BY label, id) FROM lines');
    expect(`[${rows.map(([id]) => id).join(', ')}]`).toBe(expected[0]?.[0]);
  });

  test('leaves the file alone: the source cannot be written, and nothing is created where it is missing', async () => {
    expect(await failureOf(read(path, 'DELETE FROM lines'))).toMatchObject({ code: 'SOURCE_REJECTED' });
    const absent = join(folder, 'new folder', 'absent.duckdb');
    expect(await failureOf(read(absent, 'SELECT 1'))).toMatchObject({ code: 'SOURCE_MISSING', message: expect.stringContaining(absent) as string });
    expect(await failureOf(stat(join(folder, 'new folder')))).toMatchObject({ code: 'ENOENT' });
  });

  test('answers what is no database with SOURCE_MALFORMED: other content, an empty file, a folder', async () => {
    await mkdir(join(folder, 'folder.duckdb'));
    const files = [await fileWith('text.duckdb', 'invoice,stock_code\n'.repeat(1_000)), await fileWith('empty.duckdb', ''), join(folder, 'folder.duckdb')];
    for (const file of files) {
      expect(await failureOf(read(file, 'SELECT 1'))).toMatchObject({ code: 'SOURCE_MALFORMED', message: expect.stringContaining(file) as string });
    }
  });

  test('answers a half-written file with SOURCE_INCOMPLETE, and a damaged one with SOURCE_MALFORMED, wherever it is found out', async () => {
    const whole = await readFile(path);
    const damaged = Buffer.from(whole).fill(7, 300_000, 900_000);
    expect(await failureOf(read(await fileWith('tiny.duckdb', whole.subarray(0, 100)), 'SELECT 1'))).toMatchObject({ code: 'SOURCE_INCOMPLETE', retryable: true });
    const half = await fileWith('half.duckdb', whole.subarray(0, Math.floor(whole.length / 2)));
    expect(await failureOf(read(half, 'SELECT sum(hash(label)) FROM lines'))).toMatchObject({ code: 'SOURCE_INCOMPLETE' });
    expect(await failureOf(read(await fileWith('damaged.duckdb', damaged), 'SELECT sum(hash(label)) FROM lines'))).toMatchObject({ code: 'SOURCE_MALFORMED' });
  });

  test('answers a statement that needs more memory than it may take with SOURCE_TOO_LARGE', async () => {
    const failure = await failureOf(read(path, 'SELECT length(string_agg(label || repeat(label, 40))) FROM lines'));
    expect(failure).toMatchObject({ code: 'SOURCE_TOO_LARGE', message: expect.stringContaining('memory limit') as string });
  });

  describe('while another process holds the file', () => {
    let holder: ChildProcess;
    beforeAll(async () => {
      holder = fork(join(import.meta.dirname, '../support/hold-duckdb-file.ts'), [path], { execArgv: ['--import', 'tsx'], stdio: ['pipe', 'pipe', 'inherit', 'ipc'] });
      if (holder.stdout) await once(holder.stdout, 'data');
    });
    afterAll(() => holder?.kill());

    test('is SOURCE_UNAVAILABLE when it is not let go in time, stops waiting on abort, and is read once it is free', async () => {
      expect(await failureOf(read(path, 'SELECT 1', 100))).toMatchObject({ code: 'SOURCE_UNAVAILABLE', message: expect.stringContaining('another process') as string });

      const control = new AbortController();
      const source = createDuckDBSqlSource({ path, limits });
      const waiting = failureOf(source.snapshot((snapshot) => rowsOf(snapshot, 'SELECT 1'), { signal: control.signal }));
      control.abort(new Error('cancelled while waiting'));
      expect(await waiting).toEqual(new Error('cancelled while waiting'));

      const patient = read(path, 'SELECT count(*) FROM lines');
      holder.stdin?.end();
      expect(await patient).toEqual([['300000']]);
    });
  });
});
