import { MillraceError } from '../errors.js';
import type { Dialect } from './dialect.js';
import type { SqlTransaction } from './sql-transaction.js';
import { columnList, ensureTable } from './tables.js';
import type { SqlValue, TableSpec } from './warehouse.js';

const ROWS_PER_STATEMENT = 500;

/** The statements that replace rows of a table, but for the lock around them. */
export interface Replacement {
  remove: string;
  inserts: readonly string[];
}

/** The work of `Warehouse.replaceRows` inside the transaction that the adapter has opened. */
export async function replaceRows(tx: SqlTransaction, table: TableSpec, where: Record<string, SqlValue>, rows: readonly (readonly SqlValue[])[]): Promise<void> {
  const { remove, inserts } = replacement(tx.dialect, table, where, rows);
  const { created } = await ensureTable(tx, table);
  await tx.lockTable(table.name);
  if (!created) await tx.run(remove);
  for (const insert of inserts) await tx.run(insert);
}

/** No statement is longer than `mostBytes`, unless a single row is. */
export function replacement(dialect: Dialect, table: TableSpec, where: Record<string, SqlValue>, rows: readonly (readonly SqlValue[])[], mostBytes = Infinity): Replacement {
  const name = dialect.identifier(table.name);
  const predicate = Object.entries(where).map(([column, value]) => equals(dialect, table, column, value));
  // An empty condition is a mistake of the caller's, and would empty the table.
  if (predicate.length === 0) throw new MillraceError('WAREHOUSE_REJECTED', `Which rows of ${table.name} are to be replaced was not said`);
  const literals = rows.map((row) => rowLiteral(dialect, table, row));
  const start = `INSERT INTO ${name} (${columnList(dialect, table.columns.map((column) => column.name))}) VALUES `;
  return { remove: `DELETE FROM ${name} WHERE ${predicate.join(' AND ')}`, inserts: inStatements(literals, mostBytes - Buffer.byteLength(start)).map((part) => start + part.join(', ')) };
}

function inStatements(literals: readonly string[], mostBytes: number): string[][] {
  const parts: string[][] = [];
  let bytes = 0;
  for (const literal of literals) {
    const size = Buffer.byteLength(literal) + 2;
    const last = parts.at(-1);
    if (last && last.length < ROWS_PER_STATEMENT && bytes + size <= mostBytes) {
      last.push(literal);
      bytes += size;
    } else {
      parts.push([literal]);
      bytes = size;
    }
  }
  return parts;
}

function equals(dialect: Dialect, table: TableSpec, name: string, value: SqlValue): string {
  const column = table.columns.find((candidate) => candidate.name === name);
  if (!column) throw new MillraceError('WAREHOUSE_REJECTED', `Table ${table.name} has no column ${name} to replace rows by`);
  return `${dialect.identifier(name)} ${value === null ? 'IS NULL' : `= ${dialect.literal(value, column.type)}`}`;
}

function rowLiteral(dialect: Dialect, table: TableSpec, row: readonly SqlValue[]): string {
  if (row.length !== table.columns.length) throw new MillraceError('WAREHOUSE_REJECTED', `A row for ${table.name} has ${row.length} values for ${table.columns.length} columns`);
  return `(${table.columns.map((column, index) => dialect.literal(row[index] ?? null, column.type)).join(', ')})`;
}
