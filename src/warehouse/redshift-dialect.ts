import { MillraceError } from '../errors.js';
import { createDialect } from './create-dialect.js';

/** The longest text that a column takes, in bytes of UTF-8. */
export const LONGEST_TEXT = 65_535;

/**
 * Types are spelt as the server's `format_type` does. A text has its length, because without one Redshift keeps 256 bytes of it,
 * and cuts off in silence what is cast. Names are in lower case: Redshift writes them so, quoted or not.
 */
export const redshiftDialect = createDialect({
  name: 'redshift',
  types: {
    text: `character varying(${LONGEST_TEXT})`,
    boolean: 'boolean',
    integer: 'integer',
    bigint: 'bigint',
    double: 'double precision',
    date: 'date',
    timestamp: 'timestamp without time zone',
  },
  decimal: (precision, scale) => `numeric(${precision},${scale})`,
  string: (text) => {
    if (text.includes('\0')) throw new MillraceError('WAREHOUSE_REJECTED', 'Redshift cannot store a text that holds a NUL character: remove it in the transform');
    // Inside quotes a backslash takes the next sign as it is, so that one is written as what it is.
    return text.includes('\\') ? `(${text.split('\\').map(quoted).join(' || CHR(92) || ')})` : quoted(text);
  },
  secondsBetween: (earlier, later) =>
    `(CAST(DATEDIFF(microsecond, CAST(${earlier} AS timestamp), CAST(${later} AS timestamp)) AS double precision) / 1000000)`,
  booleanText: (expression) => `CASE WHEN ${expression} THEN 'true' WHEN NOT (${expression}) THEN 'false' END`,
});

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
