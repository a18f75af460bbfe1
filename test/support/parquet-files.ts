import { join } from 'node:path';
import { sqlString, withScratchDatabase } from '../../src/duckdb/duckdb.js';

/** Writes what a DuckDB SELECT answers to `folder/name` and returns the path. */
export async function writeParquet(folder: string, name: string, select: string): Promise<string> {
  const file = join(folder, name);
  await withScratchDatabase({ memoryLimit: '256MB', threads: 1, scratchDir: folder }, (connection) => connection.run(`COPY (${select}) TO ${sqlString(file)} (FORMAT parquet)`));
  return file;
}
