import { usageError } from './cli-error.js';

const READING = ['SELECT', 'WITH', 'FROM', 'VALUES', 'TABLE', 'SHOW', 'DESCRIBE', 'DESC', 'EXPLAIN', 'SUMMARIZE'];

/**
 * Words with which a statement that begins harmlessly can still write or lock: `WITH x AS (DELETE …)`, `SELECT … INTO`,
 * `EXPLAIN ANALYZE INSERT`, `SELECT … FOR UPDATE`. As names of columns they stand in double quotes.
 */
const WRITING = ['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'TRUNCATE', 'INTO', 'CREATE', 'DROP', 'ALTER', 'GRANT', 'REVOKE', 'COPY', 'ATTACH', 'CALL', 'EXECUTE', 'INSTALL', 'LOAD'];

/** One statement without its last semicolon; a usage error for anything that could change the warehouse, which refuses it as well. */
export function readOnlyStatement(sql: string): string {
  const statement = sql.trim().replace(/(\s*;)+$/, '');
  const bare = withoutTexts(statement);
  const words = bare.toUpperCase().match(/[A-Z_][A-Z_0-9]*/g) ?? [];
  const first = words[0];
  if (first === undefined) throw usageError('there is no statement', `give one: millrace sql 'SELECT count(*) FROM orders'`);
  if (bare.includes(';')) throw usageError('there is more than one statement', 'give them one at a time');
  if (!READING.includes(first)) throw usageError(`${first} is not a statement that only reads`, `use one of ${READING.join(', ')}`);
  const writing = words.find((word) => WRITING.includes(word));
  if (writing !== undefined) throw usageError(`the statement holds ${writing}, and only reading is allowed here`, `write "${writing.toLowerCase()}" in double quotes if it is a name`);
  return statement;
}

/** The statement without comments, strings and quoted names. */
function withoutTexts(sql: string): string {
  return sql.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$/g, ' ');
}
