import { createDuckDBWarehouse } from '../../src/warehouse/duckdb.js';
import { VERSIONED } from './versioned-table.js';

/**
 * Publishes a few intervals into the DuckDB file of argv[2] over and over, every time as a new version with other rows, until
 * it is killed. Starts with generation argv[3] and prints it before each publication. argv[4]: a folder for scratch files.
 */
const [, , path = '', firstGeneration = '1', scratchDir = ''] = process.argv;
const warehouse = createDuckDBWarehouse({ path, limits: { memoryLimit: '256MB', threads: 1, scratchDir } });
const { signal } = new AbortController();

for (let generation = Number(firstGeneration); ; generation += 1) {
  const day = String((generation % 3) + 1).padStart(2, '0');
  const next = String((generation % 3) + 2).padStart(2, '0');
  const interval = { start: `2026-01-${day}T00:00:00Z`, end: `2026-01-${next}T00:00:00Z` };
  const rows = `SELECT TIMESTAMP '2026-01-${day}' AS interval_start, TIMESTAMP '2026-01-${next}' AS interval_end, ${generation} AS version, repeat('x', 50) || i AS filler FROM range(${1000 + generation}) AS r(i)`;
  process.stdout.write(`${generation}\n`);
  await warehouse.publish(
    { pipeline: 'killed', interval, generation, run: `run-${generation}`, sources: {}, tables: [{ target: VERSIONED, from: { query: rows }, mode: 'replace-interval' }] },
    { signal },
  );
}
