import { DuckDBInstance } from '@duckdb/node-api';

/** Runs the statements of argv[3…] on the DuckDB file of argv[2]; ends with 3 at once when another process holds the file. */
const [, , path = '', ...statements] = process.argv;
try {
  const connection = await (await DuckDBInstance.create(path)).connect();
  for (const statement of statements) await connection.run(statement);
  connection.closeSync();
} catch (error) {
  if (!/lock on file|being used by another process/i.test(String(error))) throw error;
  process.exitCode = 3;
}
