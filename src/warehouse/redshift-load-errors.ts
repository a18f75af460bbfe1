import { redshiftDialect } from './redshift-dialect.js';
import type { RedshiftStatements } from './redshift-statements.js';
import type { RejectedRow } from './warehouse.js';

/** A load, as the server's logs know it. */
interface Load {
  pid: number;
  startedAt: Date;
}

const SHOWN = 20;
const IN_WORDS = 3;
/** Process numbers are used again; the clocks of the service and of the server may differ. */
const CLOCKS_DIFFER_MS = 60_000;

/** The first rows that COPY did not take, with file, line, column and reason. Seen by whoever ran the load. */
export async function rejectedRows(statements: RedshiftStatements, load: Load, signal: AbortSignal): Promise<RejectedRow[]> {
  const done = await statements.transaction(
    [`SELECT file_name, line_number, column_name, error_message FROM sys_load_error_detail WHERE ${ofLoad(load)} ORDER BY file_name, line_number LIMIT ${SHOWN}`],
    { signal },
  );
  const { rows } = await done.result(0);
  return rows.map(([file, line, column, reason]) => ({ file: trimmed(file), line: Number(line ?? 0), column: trimmed(column), reason: trimmed(reason) }));
}

export async function countRejected(statements: RedshiftStatements, load: Load, signal: AbortSignal): Promise<number> {
  const done = await statements.transaction([`SELECT COUNT(*) FROM sys_load_error_detail WHERE ${ofLoad(load)}`], { signal });
  return Number((await done.result(0)).rows[0]?.[0]);
}

export function rowsInWords(rejects: readonly RejectedRow[]): string {
  const shown = rejects.slice(0, IN_WORDS).map(({ file, line, column, reason }) => `${file}, line ${line}${column === '' ? '' : `, column ${column}`}: ${reason}`);
  return `${shown.join('; ')}${rejects.length > IN_WORDS ? '; and more' : ''}`;
}

function ofLoad({ pid, startedAt }: Load): string {
  return `session_id = ${pid} AND start_time >= ${redshiftDialect.literal(new Date(startedAt.getTime() - CLOCKS_DIFFER_MS).toISOString(), 'timestamp')}`;
}

/** These columns are of fixed length, filled up with blanks. */
function trimmed(value: unknown): string {
  return typeof value === 'string' ? value.trim() : '';
}
