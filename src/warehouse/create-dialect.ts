import type { Dialect } from './dialect.js';
import { utcWallClock } from './moments.js';
import type { ColumnType, SqlValue } from './warehouse.js';

export interface DialectParts {
  name: Dialect['name'];
  types: Record<Exclude<ColumnType, object>, string>;
  decimal: (precision: number, scale: number) => string;
  /** A text literal, escaped. */
  string: (text: string) => string;
  secondsBetween: Dialect['secondsBetween'];
  /** A boolean as `true` or `false`, where CAST does not make a text of it. */
  booleanText?: (expression: string) => string;
}

/** A dialect of the SQL that most warehouses share, from the few parts in which they differ. */
export function createDialect(parts: DialectParts): Dialect {
  const type = (column: ColumnType): string => (typeof column === 'string' ? parts.types[column] : parts.decimal(...column.decimal));
  const cast = (value: string | number | boolean, column: ColumnType): string => `CAST(${parts.string(String(value))} AS ${type(column)})`;
  return {
    name: parts.name,
    identifier: (name) => `"${name.replaceAll('"', '""')}"`,
    literal: (value, column) => {
      if (value === null) return 'NULL';
      if (typeof value === 'boolean' && (column === undefined || column === 'boolean')) return value ? 'TRUE' : 'FALSE';
      switch (column) {
        case undefined:
          return untyped(value, cast, parts.string);
        case 'text':
          return parts.string(String(value));
        case 'timestamp':
          return `TIMESTAMP '${utcWallClock(String(value))}'`;
        default:
          return cast(value, column);
      }
    },
    type,
    text: (expression, column) => (column === 'boolean' && parts.booleanText ? parts.booleanText(expression) : `CAST(${expression} AS ${parts.types.text})`),
    secondsBetween: (earlier, later) => parts.secondsBetween(earlier, later),
  };
}

function untyped(value: Exclude<SqlValue, null>, cast: (value: number, type: ColumnType) => string, string: (text: string) => string): string {
  if (typeof value !== 'number') return string(String(value));
  return Number.isFinite(value) ? String(value) : cast(value, 'double');
}
