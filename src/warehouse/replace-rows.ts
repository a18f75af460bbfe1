import { MillraceError } from '../errors.js';
import type { SqlTransaction } from './sql-transaction.js';
import { columnList, ensureTable } from './tables.js';
import type { SqlValue, TableSpec } from './warehouse.js';

const ROWS_PER_STATEMENT = 500;

/** The work of `Warehouse.replaceRows` inside the transaction that the adapter has opened. */
export async function replaceRows(tx: SqlTransaction, table: TableSpec, where: Record<string, SqlValue>, rows: readonly (readonly SqlValue[])[]): Promise<void> {
  const { dialect } = tx;
  const name = dialect.identifier(table.name);
  const predicate = Object.entries(where).map(([column, value]) => equals(tx, table, column, value));
  // An empty condition is a mistake of the caller's, and would empty the table.
  if (predicate.length === 0) throw new MillraceError('WAREHOUSE_REJECTED', `Which rows of ${table.name} are to be replaced was not said`);
  const literals = rows.map((row) => rowLiteral(tx, table, row));

  const { created } = await ensureTable(tx, table);
  await tx.lockTable(table.name);
  if (!created) await tx.run(`DELETE FROM ${name} WHERE ${predicate.join(' AND ')}`);
  const columns = columnList(dialect, table.columns.map((column) => column.name));
  for (let start = 0; start < literals.length; start += ROWS_PER_STATEMENT) {
    await tx.run(`INSERT INTO ${name} (${columns}) VALUES ${literals.slice(start, start + ROWS_PER_STATEMENT).join(', ')}`);
  }
}

function equals({ dialect }: SqlTransaction, table: TableSpec, name: string, value: SqlValue): string {
  const column = table.columns.find((candidate) => candidate.name === name);
  if (!column) throw new MillraceError('WAREHOUSE_REJECTED', `Table ${table.name} has no column ${name} to replace rows by`);
  return `${dialect.identifier(name)} ${value === null ? 'IS NULL' : `= ${dialect.literal(value, column.type)}`}`;
}

function rowLiteral({ dialect }: SqlTransaction, table: TableSpec, row: readonly SqlValue[]): string {
  if (row.length !== table.columns.length) throw new MillraceError('WAREHOUSE_REJECTED', `A row for ${table.name} has ${row.length} values for ${table.columns.length} columns`);
  return `(${table.columns.map((column, index) => dialect.literal(row[index] ?? null, column.type)).join(', ')})`;
}
