import type { NativeColumn } from './sql-transaction.js';
import type { Column, ColumnType } from './warehouse.js';

const NATIVE_TYPES: readonly (readonly [RegExp, ColumnType])[] = [
  [/^bool/, 'boolean'],
  [/^(tinyint|smallint|integer|utinyint|usmallint)$/, 'integer'],
  [/^(bigint|uinteger)$/, 'bigint'],
  [/^(hugeint|ubigint|uhugeint)$/, { decimal: [38, 0] }],
  [/^(real|float|double|double precision)$/, 'double'],
  [/^date$/, 'date'],
  [/^timestamp/, 'timestamp'],
  // PostgreSQL's numeric without a size holds any number; this one is wide enough for most.
  [/^numeric$/, { decimal: [38, 10] }],
];

/** A warehouse's own columns in our types: the nearest one, `text` where there is none (lists, JSON, intervals). */
export function portableColumns(columns: readonly NativeColumn[]): Column[] {
  return columns.map(({ name, type, nullable }) => ({ name, type: portableType(type), nullable }));
}

function portableType(native: string): ColumnType {
  const type = native.toLowerCase();
  const [, precision, scale] = /^(?:decimal|numeric)\((\d+),\s*(\d+)\)$/.exec(type) ?? [];
  if (precision !== undefined && scale !== undefined) return { decimal: [Number(precision), Number(scale)] };
  return NATIVE_TYPES.find(([pattern]) => pattern.test(type))?.[1] ?? 'text';
}
