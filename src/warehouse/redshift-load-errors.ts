import { redshiftDialect } from './redshift-dialect.js';
import type { LoggedAs } from './redshift-errors.js';
import type { RedshiftStatements } from './redshift-statements.js';
import type { RejectedRow } from './warehouse.js';

/** A load, as the server's logs know it. */
export interface LoggedLoad {
  pid: number;
  startedAt: Date;
  /** 0: the server gave it none. */
  queryId: number;
}

const SHOWN = 20;
const IN_WORDS = 3;

export function loggedLoad({ pid, startedAt, queryIds }: LoggedAs, step: number): LoggedLoad {
  return { pid, startedAt, queryId: queryIds[step] ?? 0 };
}

/** The first rows that COPY did not take, with file, line, column and reason. Seen by whoever ran the load. */
export async function rejectedRows(statements: RedshiftStatements, load: LoggedLoad, signal: AbortSignal): Promise<RejectedRow[]> {
  const done = await statements.transaction(
    [`SELECT file_name, line_number, column_name, error_message FROM sys_load_error_detail WHERE ${ofLoad(load)} ORDER BY file_name, line_number LIMIT ${SHOWN}`],
    { signal },
  );
  const { rows } = await done.result(0);
  return rows.map(([file, line, column, reason]) => ({ file: trimmed(file), line: Number(line ?? 0), column: trimmed(column), reason: trimmed(reason) }));
}

export async function countRejected(statements: RedshiftStatements, load: LoggedLoad, signal: AbortSignal): Promise<number> {
  const done = await statements.transaction([`SELECT COUNT(*) FROM sys_load_error_detail WHERE ${ofLoad(load)}`], { signal });
  return Number((await done.result(0)).rows[0]?.[0]);
}

export function rowsInWords(rejects: readonly RejectedRow[]): string {
  const shown = rejects.slice(0, IN_WORDS).map(({ file, line, column, reason }) => `${file}, line ${line}${column === '' ? '' : `, column ${column}`}: ${reason}`);
  return `${shown.join('; ')}${rejects.length > IN_WORDS ? '; and more' : ''}`;
}

/** By its query, or by its session: process numbers are used again, and the errors of earlier loads stay in the log. */
function ofLoad({ pid, startedAt, queryId }: LoggedLoad): string {
  const bySession = `session_id = ${pid} AND start_time >= ${redshiftDialect.literal(startedAt.toISOString(), 'timestamp')}`;
  return queryId === 0 ? bySession : `(query_id = ${queryId} OR (${bySession}))`;
}

/** These columns are of fixed length, filled up with blanks. */
function trimmed(value: unknown): string {
  return typeof value === 'string' ? value.trim() : '';
}
