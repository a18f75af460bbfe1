import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withDatabaseFile } from '../../src/duckdb/duckdb.js';
import { createDuckDBSqlSource } from '../../src/sources/duckdb-sql.js';

/** Lists cannot be spilled: this many numbers need about 200 MB, more than a reader takes at first. */
const NEEDS_MEMORY = 'SELECT len(list(i)) FROM range(12000000) AS numbers(i)';

describe('the memory of the embedded SQL source', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-sql-memory-'));
    path = join(folder, 'shop.duckdb');
    await withDatabaseFile(path, { memoryLimit: '256MB', threads: 1, scratchDir: folder }, (connection) => connection.run('CREATE TABLE lines AS SELECT 7 AS line_no'));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function read(memoryLimit: string, statements: readonly string[]): Promise<(string | null)[][]> {
    const source = createDuckDBSqlSource({ path, limits: { memoryLimit, threads: 2, scratchDir: folder } });
    return source.snapshot(
      async (snapshot) => {
        const rows: (string | null)[][] = [];
        for (const statement of statements) for await (const batch of snapshot.stream(statement, [])) rows.push(...batch.map((row) => [...row]));
        return rows;
      },
      { signal: new AbortController().signal },
    );
  }

  it('starts a statement again with all that the worker allows when it needs more than usual, and goes on in that snapshot', async () => {
    expect(await read('1GB', [NEEDS_MEMORY, 'SELECT line_no FROM lines'])).toEqual([['12000000'], ['7']]);
  });

  it('says that the statement is too large when that is not enough either', async () => {
    await expect(read('100MB', [NEEDS_MEMORY])).rejects.toMatchObject({ code: 'SOURCE_TOO_LARGE' });
  });

  it('does not start again once rows of the snapshot are out, because another transaction could contradict them', async () => {
    await expect(read('1GB', ['SELECT line_no FROM lines', NEEDS_MEMORY])).rejects.toMatchObject({ code: 'SOURCE_TOO_LARGE' });
  });
});
