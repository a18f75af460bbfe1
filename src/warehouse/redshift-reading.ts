import { MillraceError } from '../errors.js';
import { startOf } from './statement-text.js';

const READING = new Set(['SELECT', 'WITH', 'SHOW', 'EXPLAIN']);
/** `SELECT … INTO` creates a table, and a WITH may stand before anything. All of them are reserved, or quoted where they are names. */
const WRITING = new Set(['INTO', 'INSERT', 'UPDATE', 'DELETE', 'MERGE', 'TRUNCATE', 'CREATE', 'DROP', 'ALTER', 'GRANT', 'REVOKE', 'COPY', 'UNLOAD', 'CALL', 'COMMIT', 'VACUUM']);

/** Strings as the standard ends them, and as a server ends them to which a backslash takes the next sign as it is. */
const STRINGS = [/--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$/g, /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\[\s\S]|[^'\\]|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$/g];

/**
 * Throws unless the text is one statement that only reads. Redshift has no transaction that is read-only for certain, and the Data
 * API runs whatever it is given.
 */
export function checkOnlyReads(sql: string): void {
  for (const texts of STRINGS) {
    const bare = sql.replaceAll(texts, ' ').replace(/(\s*;)+\s*$/, '');
    const words = bare.toUpperCase().match(/[A-Z_][A-Z_0-9$]*/g) ?? [];
    const writing = words.find((word) => WRITING.has(word));
    if (!bare.includes(';') && READING.has(words[0] ?? '') && writing === undefined) continue;
    const problem = bare.includes(';') ? 'has more than one statement' : `does more than read${writing === undefined ? '' : ` (${writing})`}`;
    throw new MillraceError('WAREHOUSE_REJECTED', `Only one statement that reads can be run as a query; this text ${problem} (statement: ${startOf(sql)})`);
  }
}
