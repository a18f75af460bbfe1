import { DatabaseFileLocked } from '../duckdb/duckdb.js';
import { type ErrorCode, isMillraceError, MillraceError } from '../errors.js';
import { startOf } from './statement-text.js';

interface Verdict {
  code: ErrorCode;
  remedy: string;
}

const VERDICTS: readonly (readonly [RegExp, Verdict])[] = [
  [/not a valid DuckDB database file|^(IO|Serialization|FATAL|INTERNAL) Error.*(corrupt|checksum)/i, { code: 'WAREHOUSE_REJECTED', remedy: 'The file is damaged or is no DuckDB database: restore it from a backup, or move it away to begin with an empty one.' }],
  [/permission denied|operation not permitted|read-only file system|EACCES|EPERM|EROFS/i, { code: 'WAREHOUSE_FORBIDDEN', remedy: "Give the worker's account the right to read and write this file and its folder." }],
  [/no space left|disk full|ENOSPC/i, { code: 'WAREHOUSE_UNAVAILABLE', remedy: 'Make room on the disk.' }],
  [/TransactionContext Error.*conflict|write-write conflict/i, { code: 'WAREHOUSE_BUSY', remedy: 'Somebody else changed the same rows.' }],
];

/** Our error for whatever DuckDB or the file system said about this database file. */
export function duckdbError(error: unknown, path: string, statement?: string): MillraceError {
  if (isMillraceError(error)) return error;
  if (error instanceof DatabaseFileLocked) {
    return new MillraceError('WAREHOUSE_BUSY', `${error.message}. End the other program (a worker, the CLI or a SQL client) if it should not be using the file.`, { cause: error });
  }
  const text = error instanceof Error ? error.message : String(error);
  const { code, remedy } = VERDICTS.find(([pattern]) => pattern.test(text))?.[1] ?? { code: 'WAREHOUSE_REJECTED', remedy: '' };
  const where = statement === undefined ? '' : ` (statement: ${startOf(statement)})`;
  return new MillraceError(code, `DuckDB ${path}: ${firstLine(text)}${where}.${remedy && ` ${remedy}`}`, { cause: error });
}

/** The later lines of DuckDB's messages repeat the statement with a marker under it. */
function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/\.$/, '');
}
