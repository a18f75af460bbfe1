import { MillraceError } from '../errors.js';
import type { Dialect } from './dialect.js';
import { LEDGER } from './ledger.js';
import type { NativeColumn, SqlTransaction } from './sql-transaction.js';
import type { Column, TableSpec } from './warehouse.js';

/** PostgreSQL cuts longer names off in silence; what all warehouses take is the same everywhere. */
const LONGEST_NAME = 63;

/** `"orders", "lines"`. */
export function columnList(dialect: Dialect, columns: readonly string[]): string {
  return columns.map((column) => dialect.identifier(column)).join(', ');
}

/** A table that may be created and thrown away: `WAREHOUSE_REJECTED` unless the name is one that every warehouse keeps as it is. */
export function checkStagingName(name: string): void {
  if (name === '' || Buffer.byteLength(name) > LONGEST_NAME || name.includes('\0')) {
    throw new MillraceError('WAREHOUSE_REJECTED', `"${name}" cannot be the name of a staging table: it must have 1 to ${LONGEST_NAME} bytes`);
  }
  if (name === LEDGER.name) throw new MillraceError('WAREHOUSE_REJECTED', `${LEDGER.name} is the ledger: it cannot be a staging table`);
}

/** The parenthesised part of CREATE TABLE; a staging table takes NULLs everywhere, so that it is the checks that find them. */
export function columnDefinitions(dialect: Dialect, columns: readonly Column[], purpose: 'staging' | 'target'): string {
  return columns
    .map((column) => `${dialect.identifier(column.name)} ${dialect.type(column.type)}${purpose === 'target' && !column.nullable ? ' NOT NULL' : ''}`)
    .join(', ');
}

/** Makes sure that the table is there with exactly the spec's columns; `SCHEMA_MISMATCH` names every difference. */
export async function ensureTable(tx: SqlTransaction, table: TableSpec): Promise<{ created: boolean }> {
  const existing = await tx.columnsOf(table.name);
  if (existing) {
    checkColumns(tx.dialect, table.name, table.columns, existing, 'Migrate the table, or change the pipeline to fit it. Nothing was changed.');
    return { created: false };
  }
  return (await tx.createTable(table)) ? { created: true } : ensureTable(tx, table);
}

export function checkColumns(dialect: Dialect, name: string, expected: readonly Column[], actual: readonly NativeColumn[], remedy: string): void {
  const differences = columnDifferences(dialect, expected, actual);
  if (differences.length === 0) return;
  throw new MillraceError('SCHEMA_MISMATCH', `Table ${name} is not as the pipeline expects it: ${differences.join('; ')}. ${remedy}`, {
    details: { table: name, differences },
  });
}

function columnDifferences(dialect: Dialect, expected: readonly Column[], actual: readonly NativeColumn[]): string[] {
  const found = new Map(actual.map((column) => [column.name, column.type]));
  const wanted = new Set(expected.map((column) => column.name));
  return [
    ...expected.flatMap(({ name, type }) => {
      const [want, have] = [dialect.type(type), found.get(name)];
      if (have === undefined) return [`column ${name} (${want}) is missing`];
      return have === want ? [] : [`column ${name} is ${have}, expected ${want}`];
    }),
    ...actual.filter((column) => !wanted.has(column.name)).map((column) => `column ${column.name} (${column.type}) is not known to the pipeline`),
  ];
}
