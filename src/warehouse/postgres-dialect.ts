import { MillraceError } from '../errors.js';
import { createDialect } from './create-dialect.js';

/**
 * Types are spelt as the server's `format_type` does, so that a table's columns can be compared with them. Times are
 * `timestamp without time zone` and hold the wall clock in UTC: no session's zone can change what a reader sees.
 */
export const postgresDialect = createDialect({
  name: 'postgres',
  types: {
    text: 'text',
    boolean: 'boolean',
    integer: 'integer',
    bigint: 'bigint',
    double: 'double precision',
    date: 'date',
    timestamp: 'timestamp without time zone',
  },
  decimal: (precision, scale) => `numeric(${precision},${scale})`,
  // Sessions run with standard_conforming_strings: a backslash is a backslash.
  string: (text) => {
    if (text.includes('\0')) throw new MillraceError('WAREHOUSE_REJECTED', 'PostgreSQL cannot store a text that holds a NUL character: remove it in the transform');
    return `'${text.replaceAll("'", "''")}'`;
  },
  secondsBetween: (earlier, later) =>
    `CAST(EXTRACT(EPOCH FROM (CAST(${later} AS timestamp) - CAST(${earlier} AS timestamp))) AS double precision)`,
});
