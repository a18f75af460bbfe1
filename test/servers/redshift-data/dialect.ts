import { StatementError } from './api-error.js';
import { keyword, meaningful, plainString, stringValue, type Token, tokensOf } from './sql-tokens.js';

/** Where the views and functions of Redshift stand that PostgreSQL does not have. */
export const SYSTEM_SCHEMA = 'redshift_system';

const VERSION = 'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), Redshift 1.0.999999';

/** What PostgreSQL has and Redshift has not: an adapter that leans on it would fail in production. */
const FOREIGN: readonly (readonly string[])[] = [
  ['ON', 'CONFLICT'],
  ['RETURNING'],
  ['DISTINCT', 'ON'],
  ['FOR', 'UPDATE'],
  ['FOR', 'SHARE'],
  ['FILTER', '('],
  ['IS', 'DISTINCT'],
  ['IS', 'NOT', 'DISTINCT'],
  ['CREATE', 'INDEX'],
  ['CREATE', 'UNIQUE'],
  ['CREATE', 'TRIGGER'],
  ['CREATE', 'EXTENSION'],
  ['CREATE', 'SEQUENCE'],
  ['ON', 'COMMIT'],
  ['(', 'VALUES'],
  ['LATERAL'],
  ['ARRAY', '['],
  ['TABLESPACE'],
  ['SERIAL'],
  ['BIGSERIAL'],
  ['JSONB'],
  ['UUID'],
  ['BYTEA'],
  ['STRING_AGG'],
  ['ARRAY_AGG'],
  ['GENERATE_SERIES'],
  ['PG_SLEEP'],
  ['PG_ADVISORY_LOCK'],
  ['PG_ADVISORY_XACT_LOCK'],
  ['SKIP', 'LOCKED'],
  ['NOWAIT'],
];

const SYSTEM_NAMES = new Set(['SYS_LOAD_ERROR_DETAIL', 'STL_LOAD_ERRORS']);
const RENAMED: Readonly<Record<string, string>> = {
  NVL: 'COALESCE',
  LEN: 'LENGTH',
  ...Object.fromEntries(['VERSION', 'GETDATE', 'DATEDIFF', 'PG_LAST_COPY_COUNT', 'PG_LAST_UNLOAD_COUNT'].map((name) => [name, `${SYSTEM_SCHEMA}.${name.toLowerCase()}`])),
};
const WRITING = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

/** A Redshift statement as PostgreSQL runs it; `StatementError` for what Redshift does not know. */
export function toPostgres(sql: string): string {
  const tokens = tokensOf(sql);
  refuseForeign(meaningful(tokens));
  const created = isCreateTable(meaningful(tokens)) ? withoutTableAttributes(tokens) : tokens;
  return created.map((token, index) => translated(created, token, index)).join('');
}

function refuseForeign(tokens: readonly Token[]): void {
  const words = tokens.map(keyword);
  for (const [start, word] of words.entries()) {
    const foreign = FOREIGN.find((phrase) => phrase.every((part, offset) => words[start + offset] === part));
    if (foreign) throw syntaxError(foreign.at(-1) === '(' ? word : foreign.at(-1)!);
    if (word === 'E' && tokens[start + 1]?.kind === 'string') throw syntaxError(tokens[start + 1]!.text);
  }
  if (words[0] === 'WITH' && words.some((word) => WRITING.has(word))) throw syntaxError(words.find((word) => WRITING.has(word))!);
  if (words[0] === 'LOCK' && words.includes('MODE')) throw syntaxError('IN');
}

export function syntaxError(near: string): StatementError {
  return new StatementError(`syntax error at or near "${near.toLowerCase()}"`);
}

function isCreateTable(tokens: readonly Token[]): boolean {
  const words = tokens.slice(0, 4).map(keyword);
  return words[0] === 'CREATE' && words.includes('TABLE');
}

/** Keys are kept by nobody in Redshift, and distribution and sorting mean nothing to PostgreSQL. */
function withoutTableAttributes(tokens: readonly Token[]): Token[] {
  const kept: Token[] = [];
  const words = meaningful(tokens);
  for (let index = 0; index < words.length; ) {
    const length = attributeLength(words, index);
    if (length === 0) {
      kept.push(words[index]!, { kind: 'space', text: ' ' });
      index += 1;
      continue;
    }
    // A constraint of the whole table stands behind a comma of its own.
    if (kept.at(-2)?.text === ',' && [',', ')'].includes(words[index + length]?.text ?? '')) kept.splice(-2);
    index += length;
  }
  return kept;
}

function attributeLength(words: readonly Token[], index: number): number {
  const at = (offset: number): string => keyword(words[index + offset]);
  const bracketed = (offset: number): number => {
    if (at(offset) !== '(') return offset;
    for (let end = offset; index + end < words.length; end += 1) if (at(end) === ')') return end + 1;
    return offset;
  };
  switch (at(0)) {
    case 'DISTSTYLE':
    case 'ENCODE':
    case 'BACKUP':
      return 2;
    case 'DISTKEY':
    case 'UNIQUE':
      return bracketed(1);
    case 'SORTKEY':
      return at(1) === 'AUTO' ? 2 : bracketed(1);
    case 'COMPOUND':
    case 'INTERLEAVED':
      return bracketed(2);
    case 'PRIMARY':
      return bracketed(2);
    default:
      return 0;
  }
}

function translated(tokens: readonly Token[], token: Token, index: number): string {
  if (token.kind === 'string') return token.text.includes('\\') ? plainString(stringValue(token)) : token.text;
  if (token.kind !== 'word') return token.text;
  const near = (step: 1 | -1, nth = 1): Token | undefined => neighbour(tokens, index, step, nth);
  const word = keyword(token);
  const isName = near(-1)?.text === '.' || near(1)?.text === '.';
  if (isName) return token.text;
  if (SYSTEM_NAMES.has(word)) return `${SYSTEM_SCHEMA}.${token.text}`;
  if (isTextType(word, near(-1), near(1)) && inTypePosition(tokens, index)) return `${token.text}(256)`.replace(/^text/i, 'varchar');
  if (near(1)?.text === '(') {
    return RENAMED[word] ?? token.text;
  }
  // The part of DATEDIFF(part, …) is a word there and a text here.
  if (keyword(near(-1, 2)) === 'DATEDIFF' && near(-1)?.text === '(') return plainString(token.text.toLowerCase());
  return word === 'SYSDATE' ? 'LOCALTIMESTAMP' : token.text;
}

function neighbour(tokens: readonly Token[], index: number, step: 1 | -1, nth: number): Token | undefined {
  let found = 0;
  for (let at = index + step; at >= 0 && at < tokens.length; at += step) {
    if (tokens[at]!.kind !== 'space' && (found += 1) === nth) return tokens[at];
  }
  return undefined;
}

/** Without a length, Redshift keeps 256 bytes. */
function isTextType(word: string, before: Token | undefined, after: Token | undefined): boolean {
  return after?.text !== '(' && (word === 'TEXT' || word === 'VARCHAR' || (word === 'VARYING' && keyword(before) === 'CHARACTER'));
}

/** Behind `::`, inside `CAST(… AS …)`, or behind a column's name in CREATE TABLE. */
function inTypePosition(tokens: readonly Token[], index: number): boolean {
  const before = keyword(neighbour(tokens, index, -1, 1));
  if (before === '::') return true;
  if (isCreateTable(meaningful(tokens)) && !tokens.slice(0, index).some((token) => keyword(token) === 'SELECT')) return true;
  const varying = before === 'CHARACTER' ? 2 : 1;
  return keyword(neighbour(tokens, index, -1, varying)) === 'AS' && keyword(neighbour(tokens, index, 1, 1)) === ')' && openCast(tokens, index);
}

function openCast(tokens: readonly Token[], index: number): boolean {
  let depth = 0;
  for (let at = index - 1; at >= 0; at -= 1) {
    if (tokens[at]!.text === ')') depth += 1;
    if (tokens[at]!.text !== '(') continue;
    if (depth === 0) return keyword(neighbour(tokens, at, -1, 1)) === 'CAST';
    depth -= 1;
  }
  return false;
}

/** Run once per database, before its first statement. */
export const SYSTEM_OBJECTS = `
CREATE SCHEMA IF NOT EXISTS ${SYSTEM_SCHEMA};
GRANT USAGE ON SCHEMA ${SYSTEM_SCHEMA} TO PUBLIC;
CREATE TABLE IF NOT EXISTS ${SYSTEM_SCHEMA}.load_errors (
  query_id bigint, session_id integer, table_id integer, start_time timestamp DEFAULT LOCALTIMESTAMP, file_name varchar(256), line_number bigint, column_name varchar(127),
  column_type varchar(10), column_length varchar(10), position integer, error_code integer, error_message varchar(512), raw_field_value varchar(1024)
);
CREATE OR REPLACE VIEW ${SYSTEM_SCHEMA}.sys_load_error_detail AS
  SELECT 100 AS user_id, query_id, 0::bigint AS transaction_id, session_id, current_database() AS database_name, table_id, start_time, start_time AS record_time, file_name, line_number,
         column_name, column_type, column_length, position, error_code, error_message
  FROM ${SYSTEM_SCHEMA}.load_errors;
CREATE OR REPLACE VIEW ${SYSTEM_SCHEMA}.stl_load_errors AS
  SELECT 100 AS userid, query_id AS query, session_id AS session, start_time AS starttime, table_id AS tbl, file_name AS filename, line_number, column_name AS colname,
         column_type AS type, column_length AS col_length, position, raw_field_value, error_code AS err_code, error_message AS err_reason
  FROM ${SYSTEM_SCHEMA}.load_errors;
GRANT SELECT ON ${SYSTEM_SCHEMA}.sys_load_error_detail TO PUBLIC;
GRANT SELECT ON ${SYSTEM_SCHEMA}.stl_load_errors TO PUBLIC;
CREATE OR REPLACE FUNCTION ${SYSTEM_SCHEMA}.version() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT ${plainString(VERSION)} $$;
CREATE OR REPLACE FUNCTION ${SYSTEM_SCHEMA}.getdate() RETURNS timestamp LANGUAGE sql STABLE AS $$ SELECT date_trunc('second', LOCALTIMESTAMP) $$;
CREATE OR REPLACE FUNCTION ${SYSTEM_SCHEMA}.pg_last_copy_count() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT coalesce(nullif(current_setting('redshift.copied', true), ''), '0')::bigint $$;
CREATE OR REPLACE FUNCTION ${SYSTEM_SCHEMA}.pg_last_unload_count() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT coalesce(nullif(current_setting('redshift.unloaded', true), ''), '0')::bigint $$;
CREATE OR REPLACE FUNCTION ${SYSTEM_SCHEMA}.datediff(part text, earlier timestamp, later timestamp) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN part IN ('microsecond', 'microseconds') THEN (extract(epoch FROM later)::numeric * 1000000 - extract(epoch FROM earlier)::numeric * 1000000)::bigint
              WHEN part IN ('second', 'seconds') THEN (extract(epoch FROM date_trunc('second', later)) - extract(epoch FROM date_trunc('second', earlier)))::bigint
              WHEN part IN ('day', 'days') THEN (later::date - earlier::date)::bigint END $$;
`;
