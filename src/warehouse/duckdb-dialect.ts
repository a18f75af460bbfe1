import { sqlString } from '../duckdb/duckdb.js';
import { createDialect } from './create-dialect.js';

export const duckdbDialect = createDialect({
  name: 'duckdb',
  types: {
    text: 'VARCHAR',
    boolean: 'BOOLEAN',
    integer: 'INTEGER',
    bigint: 'BIGINT',
    double: 'DOUBLE',
    date: 'DATE',
    timestamp: 'TIMESTAMP',
  },
  decimal: (precision, scale) => `DECIMAL(${precision},${scale})`,
  // A statement ends at its first NUL character for DuckDB, so that one inside a text has to be computed.
  string: (text) => (text.includes('\0') ? `(${text.split('\0').map(sqlString).join(' || chr(0) || ')})` : sqlString(text)),
  secondsBetween: (earlier, later) => `(epoch(CAST(${later} AS TIMESTAMP)) - epoch(CAST(${earlier} AS TIMESTAMP)))`,
});
