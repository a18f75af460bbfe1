import { stat } from 'node:fs/promises';
import { BIGINT, DOUBLE, VARCHAR, type DuckDBConnection } from '@duckdb/node-api';
import { DatabaseFileLocked, interruptible, sqlString, withDatabaseFile, type DuckDBLimits } from '../duckdb/duckdb.js';
import { isMillraceError, MillraceError, type ErrorCode } from '../errors.js';
import { excerpt, isSettled } from './source-errors.js';
import type { SqlSource, TextRow } from './sql-source.js';

export interface DuckDBSqlSourceOptions {
  /** Absolute path of the database file. */
  path: string;
  limits: DuckDBLimits;
  /** Zone of timestamps that carry none; default `UTC`. */
  timezone?: string;
  /** How long another process may hold the file before the source counts as unavailable, in milliseconds; default 30 000. */
  waitMs?: number;
}

/**
 * Reading is a stream that its consumer slows down: more memory or threads would not make it faster. One thread sorts some ten
 * million lines in this much memory, by spilling; two would need more than twice as much.
 */
const READING_LIMITS = { memoryLimit: '48MB', threads: 1 };

/**
 * The embedded SQL source: a DuckDB file, opened read-only and only while a snapshot lasts. Nobody can write to it meanwhile,
 * and the snapshot is one transaction. Values are what DuckDB's cast to text gives.
 */
export function createDuckDBSqlSource(options: DuckDBSqlSourceOptions): SqlSource {
  const { path, limits } = options;
  const where = `duckdb://${path}`;

  /** Opens the file; what goes wrong inside `use` leaves as it is (it may be the reader's own trouble). */
  async function withReader<T>(signal: AbortSignal, use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    await requireFile(path, where);
    const waitMs = options.waitMs === undefined ? {} : { waitMs: options.waitMs };
    let opened = false;
    try {
      return await withDatabaseFile(path, { ...limits, ...READING_LIMITS, ...waitMs, readOnly: true, signal }, (connection) => {
        opened = true;
        return use(connection);
      });
    } catch (error) {
      throw opened || isSettled(error, signal) ? error : translateDuckDBError(error, where);
    }
  }

  async function* stream(
    connection: DuckDBConnection,
    sql: string,
    parameters: readonly (string | number)[],
    signal: AbortSignal,
  ): AsyncGenerator<readonly TextRow[]> {
    const statement = `SELECT COLUMNS(*)::VARCHAR FROM (\n${sql.trim().replace(/;$/, '')}\n)`;
    try {
      const result = await interruptible(connection, signal, () => connection.stream(statement, parameters.map(valueOf), parameters.map(typeOf)));
      for (;;) {
        const chunk = await interruptible(connection, signal, () => result.fetchChunk());
        if (!chunk || chunk.rowCount === 0) return;
        yield chunk.getRows() as TextRow[];
      }
    } catch (error) {
      throw isSettled(error, signal) ? error : translateDuckDBError(error, where);
    }
  }

  /** Starts the snapshot again with all the memory that the worker allows: an error has aborted its transaction. */
  async function restartWithAllMemory(connection: DuckDBConnection): Promise<void> {
    await connection.run('ROLLBACK');
    await connection.run(`SET memory_limit = ${sqlString(limits.memoryLimit)}`);
    await connection.run('BEGIN TRANSACTION READ ONLY');
  }

  return {
    description: where,
    timezone: options.timezone ?? 'UTC',
    snapshot: (read, { signal }) =>
      withReader(signal, async (connection) => {
        await connection.run('BEGIN TRANSACTION READ ONLY');
        let streaming = false;
        let delivered = false;
        return read({
          async *stream(sql, parameters) {
            if (streaming) throw new MillraceError('BAD_PARAMS', `${where}: a snapshot streams one statement at a time. Read the tables one after the other.`);
            streaming = true;
            try {
              for await (const rows of stream(connection, sql, parameters, signal)) {
                delivered = true;
                yield rows;
              }
            } catch (error) {
              // Once rows are out, another transaction could contradict them.
              if (delivered || !isMillraceError(error) || error.code !== 'SOURCE_TOO_LARGE') throw error;
              await restartWithAllMemory(connection);
              yield* stream(connection, sql, parameters, signal);
            } finally {
              streaming = false;
            }
          },
        });
      }),
    check: () =>
      withReader(new AbortController().signal, async (connection) => {
        const rows = (await connection.runAndReadAll('SELECT count(*) FROM duckdb_tables()')).getRows();
        return `${where} can be read: ${String(rows[0]?.[0] ?? 0)} tables.`;
      }),
    // The file is closed when a snapshot ends.
    close: () => Promise.resolve(),
  };
}

async function requireFile(path: string, where: string): Promise<void> {
  try {
    if ((await stat(path)).isFile()) return;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EACCES') throw new MillraceError('SOURCE_FORBIDDEN', `${where} may not be read by this user. Change the file's permissions.`, { cause: error });
    throw new MillraceError('SOURCE_MISSING', `${where} does not exist. Check the path, or create the database first.`, { cause: error });
  }
  throw new MillraceError('SOURCE_MALFORMED', `${where} is not a file. Give the path of a DuckDB database file.`);
}

const valueOf = (parameter: string | number): string | number | bigint => (Number.isSafeInteger(parameter) ? BigInt(parameter) : parameter);

function typeOf(parameter: string | number): typeof VARCHAR | typeof BIGINT | typeof DOUBLE {
  if (typeof parameter === 'string') return VARCHAR;
  return Number.isSafeInteger(parameter) ? BIGINT : DOUBLE;
}

/** DuckDB's errors are plain `Error`s whose message begins with their kind. */
const KINDS: readonly { pattern: RegExp; code: ErrorCode; advice: string }[] = [
  { pattern: /^IO Error: .*not a valid DuckDB database file/, code: 'SOURCE_MALFORMED', advice: 'Give the path of a DuckDB database file.' },
  { pattern: /^IO Error: .*Could not read enough bytes/, code: 'SOURCE_INCOMPLETE', advice: 'The file is cut short: wait for its writer, or copy it again.' },
  { pattern: /^IO Error: .*(Corrupt database file|version number)/, code: 'SOURCE_MALFORMED', advice: 'Restore the file, or write it with a matching DuckDB.' },
  { pattern: /^IO Error: .*Permission denied/, code: 'SOURCE_FORBIDDEN', advice: "Change the file's permissions." },
  { pattern: /^IO Error: No files found/, code: 'SOURCE_MISSING', advice: 'Check the name of the file that the statement reads.' },
  { pattern: /^(IO|Connection|HTTP) Error:/, code: 'SOURCE_UNAVAILABLE', advice: 'Check the disk and the file.' },
  { pattern: /^Catalog Error: Table .*does not exist/, code: 'SOURCE_MISSING', advice: 'Check the name of the table.' },
  { pattern: /^Out of Memory Error:/, code: 'SOURCE_TOO_LARGE', advice: "Raise the memory limit of this worker's DuckDB." },
  { pattern: /^[A-Z][A-Za-z ]* Error:/, code: 'SOURCE_REJECTED', advice: 'Correct the statement.' },
];

function translateDuckDBError(error: unknown, where: string): MillraceError {
  const message = (error instanceof Error ? error.message : String(error)).replace(/^Failed to extract statements: /, '');
  // The number of the line counts our wrapper, its text does not.
  const line = /^LINE \d+: (.*)$/m.exec(message)?.[1]?.trim();
  const said = `${(message.split('\n')[0] ?? '').replace(/[.!]$/, '')}${line ? ` (in: ${excerpt(line)})` : ''}`;
  if (error instanceof DatabaseFileLocked) {
    return new MillraceError('SOURCE_UNAVAILABLE', `${where} is held by another process and did not become free. End that process, or wait for it.`, { cause: error });
  }
  const kind = KINDS.find(({ pattern }) => pattern.test(message));
  return new MillraceError(kind?.code ?? 'SOURCE_UNAVAILABLE', `${where}: ${said}. ${kind?.advice ?? 'Try again.'}`, { cause: error });
}
