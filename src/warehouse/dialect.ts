import type { ColumnType, SqlValue } from './warehouse.js';

/** How one warehouse writes what SQL leaves open. Pure text; used by the adapters and by the check compiler. */
export interface Dialect {
  readonly name: 'duckdb' | 'postgres' | 'redshift' | 'snowflake';
  /** `"a""b"`. */
  identifier(name: string): string;
  /** A literal of the given type; strings are escaped, NULL for null. */
  literal(value: SqlValue, type?: ColumnType): string;
  type(type: ColumnType): string;
  /** An expression as text, for sample rows and observed values; some warehouses have to know that it is a boolean. */
  text(expression: string, type?: ColumnType): string;
  /** Seconds between two timestamp expressions, as a number. */
  secondsBetween(earlier: string, later: string): string;
}
