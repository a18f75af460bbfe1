import type { Warehouse } from '../warehouse/warehouse.js';

/** What is in a table: two of the same print hold the same rows and columns, in whatever order. */
export interface TablePrint {
  rows: number;
  print: string;
}

/** Of each table; one that is not there has no print. Made by DuckDB's own hash of whole rows, so that no row leaves it. */
export async function printTables(warehouse: Warehouse, tables: readonly string[]): Promise<Record<string, TablePrint>> {
  const prints: Record<string, TablePrint> = {};
  for (const table of tables) {
    const columns = await warehouse.describe(table);
    if (columns === undefined) continue;
    const { rows } = await warehouse.query(
      `SELECT count(*), CAST(sum(CAST(hash(t) AS HUGEINT)) AS VARCHAR), CAST(bit_xor(hash(t)) AS VARCHAR) FROM ${warehouse.dialect.identifier(table)} AS t`,
    );
    const [count, sum, xor] = rows[0]!;
    prints[table] = { rows: Number(count), print: JSON.stringify([columns, sum, xor]) };
  }
  return prints;
}

/** Names of the tables that differ, or are in one of both only. */
export function differingTables(expected: Readonly<Record<string, TablePrint>>, found: Readonly<Record<string, TablePrint>>): string[] {
  return [...new Set([...Object.keys(expected), ...Object.keys(found)])].filter((table) => expected[table]?.print !== found[table]?.print);
}
