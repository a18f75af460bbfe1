import { withDatabaseFile } from '../../src/duckdb/duckdb.js';

/** Holds the DuckDB file of argv[2] open for writing, says so in one line, and lets go when its stdin ends. */
const [, , path = ''] = process.argv;
await withDatabaseFile(path, { memoryLimit: '128MB', threads: 1, scratchDir: `${path}.scratch` }, async () => {
  process.stdout.write('held\n');
  for await (const _ of process.stdin);
});
