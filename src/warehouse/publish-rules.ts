import { MillraceError } from '../errors.js';
import type { Dialect } from './dialect.js';
import type { NativeColumn } from './sql-transaction.js';
import { checkColumns, columnList } from './tables.js';
import type { LoadInterval, PublishRequest, SqlValue, TableSpec } from './warehouse.js';

/** What every warehouse refuses to publish, in the same words. */

const INTERVAL_COLUMNS = ['interval_start', 'interval_end'];

export function checkRequest({ tables, generation }: PublishRequest): void {
  if (!Number.isSafeInteger(generation)) throw new MillraceError('WAREHOUSE_REJECTED', `The generation of a publication must be a whole number, not ${generation}`);
  const seen = new Set<string>();
  for (const { target } of tables) {
    if (seen.has(target.name)) throw new MillraceError('WAREHOUSE_REJECTED', `Table ${target.name} is named twice in one publication: the second one would remove the rows of the first`);
    seen.add(target.name);
    const missing = INTERVAL_COLUMNS.filter((name) => !target.columns.some((column) => column.name === name && column.type === 'timestamp'));
    if (missing.length > 0) throw new MillraceError('SCHEMA_MISMATCH', `Table ${target.name} is published by interval and needs ${missing.join(' and ')} (timestamp) among its columns`);
  }
}

/** The staging table is there with the target's columns. */
export function checkStaged(dialect: Dialect, target: TableSpec, staging: string, columns: readonly NativeColumn[] | undefined): asserts columns {
  if (!columns) throw new MillraceError('WAREHOUSE_REJECTED', `The staging table ${staging} for ${target.name} does not exist: run the step that fills it again`);
  checkColumns(dialect, staging, target.columns, columns, 'Run the step that fills it again. Nothing was changed.');
}

/** A query as a derived table; the line break ends a comment that it may end with. */
export function bracketed(query: string): string {
  return `(${query.trim().replace(/;\s*$/, '')}\n)`;
}

/** The query answers with the target's columns in their order. */
export function checkAnswered(target: TableSpec, answered: readonly string[]): void {
  const names = target.columns.map((column) => column.name);
  if (answered.length === names.length && answered.every((name, index) => name === names[index])) return;
  throw new MillraceError('SCHEMA_MISMATCH', `The query for ${target.name} has the columns ${answered.join(', ')}, expected ${names.join(', ')} in this order. Nothing was changed.`);
}

export function rowsOutside(target: TableSpec, interval: LoadInterval, which: string): MillraceError {
  return new MillraceError('WAREHOUSE_REJECTED', `${which} for ${target.name} have another interval_start or interval_end than the published ${interval.start} to ${interval.end}. Nothing was changed.`);
}

export function checkHasKey(target: TableSpec): void {
  if (target.key.length === 0) throw new MillraceError('WAREHOUSE_REJECTED', `Table ${target.name} has no key, so that rows cannot be merged into it`);
}

/** `GROUP BY … HAVING …` for keys that several rows have, or that are not complete. */
export function unusableKeys(dialect: Dialect, { key }: TableSpec): string {
  const nulls = key.map((name) => `${dialect.identifier(name)} IS NULL`).join(' OR ');
  return `GROUP BY ${columnList(dialect, key)} HAVING count(*) > 1 OR ${nulls}`;
}

/** One such key as text, and its rows. */
export function selectUnusableKey(dialect: Dialect, target: TableSpec, from: string): string {
  const types = new Map(target.columns.map(({ name, type }) => [name, type]));
  const shown = target.key.map((key) => dialect.text(dialect.identifier(key), types.get(key))).join(', ');
  return `SELECT ${shown}, count(*) FROM ${from} ${unusableKeys(dialect, target)} ORDER BY ${columnList(dialect, target.key)} LIMIT 1`;
}

/** The error for what `selectUnusableKey` has found. */
export function unusableKey(target: TableSpec, bad: readonly SqlValue[]): MillraceError {
  const key = target.key.map((name, index) => `${name} = ${bad[index] ?? 'NULL'}`).join(', ');
  const problem = bad.slice(0, -1).includes(null) ? 'rows without a complete key' : 'several rows with the same key';
  return new MillraceError('WAREHOUSE_REJECTED', `The rows to merge into ${target.name} include ${problem}, for example ${key} (${bad.at(-1)} rows). Nothing was changed.`);
}
