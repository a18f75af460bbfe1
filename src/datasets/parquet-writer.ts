import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createHash, randomUUID } from 'node:crypto';
import { BIGINT, DuckDBDataChunk, VARCHAR, type DuckDBConnection } from '@duckdb/node-api';
import { interruptible, sqlIdentifier, sqlString, withDatabaseFile } from '../duckdb/duckdb.js';

/** The position column of every extracted dataset: 1, 2, 3 … in the source's order. */
export const POSITION = 'position';

type TextRow = readonly (string | null)[];

const CHUNK_ROWS = 2048;
/** Left alone, the appender holds 100 chunks outside DuckDB's memory limit. */
const CHUNKS_PER_FLUSH = 10;

/** Writing is a stream: more memory, threads or larger row groups would only make the worker larger, not faster. */
const WRITER_LIMITS = { memoryLimit: '32MB', threads: 1 };
const ROW_GROUP_ROWS = 40_960;

export interface WrittenFile {
  rows: number;
  bytes: number;
  schema: string;
}

/**
 * Writes rows of text to one Parquet file, with `position` (BIGINT, from 1) before the given columns (VARCHAR).
 * Memory stays flat: rows go through a DuckDB file in `scratchDir`, which is removed afterwards.
 */
export async function writeTextParquet(
  file: string,
  columns: readonly string[],
  batches: AsyncIterable<readonly TextRow[]>,
  scratchDir: string,
  options: { signal: AbortSignal; onRows?: (rows: number) => void },
): Promise<WrittenFile> {
  await mkdir(dirname(file), { recursive: true });
  const scratch = join(scratchDir, `rows-${randomUUID()}.duckdb`);
  try {
    return await withDatabaseFile(scratch, { ...WRITER_LIMITS, scratchDir }, async (connection) => {
      const definitions = columns.map((column) => `${sqlIdentifier(column)} VARCHAR`).join(', ');
      await connection.run(`CREATE TABLE rows (${POSITION} BIGINT, ${definitions})`);
      const rows = await appendAll(connection, columns.length, batches, options);
      await interruptible(connection, options.signal, () =>
        connection.run(`COPY rows TO ${sqlString(file)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${ROW_GROUP_ROWS})`),
      );
      const { size } = await stat(file);
      return { rows, bytes: size, schema: schemaFingerprint([[POSITION, 'BIGINT'], ...columns.map((column): [string, string] => [column, 'VARCHAR'])]) };
    });
  } finally {
    await rm(scratch, { force: true });
    await rm(`${scratch}.wal`, { force: true });
  }
}

async function appendAll(
  connection: DuckDBConnection,
  width: number,
  batches: AsyncIterable<readonly TextRow[]>,
  options: { signal: AbortSignal; onRows?: (rows: number) => void },
): Promise<number> {
  // In one transaction, so that the small flushes below need no commit each.
  await connection.run('BEGIN TRANSACTION');
  const appender = await connection.createAppender('rows');
  const chunk = DuckDBDataChunk.create([BIGINT, ...Array.from({ length: width }, () => VARCHAR)]);
  let pending: TextRow[] = [];
  let rows = 0;
  let unflushed = 0;
  const append = (): void => {
    fillChunk(chunk, width, rows, pending);
    appender.appendDataChunk(chunk);
    rows += pending.length;
    pending = [];
    unflushed += 1;
    if (unflushed === CHUNKS_PER_FLUSH) {
      appender.flushSync();
      unflushed = 0;
    }
    options.onRows?.(rows);
  };
  for await (const batch of batches) {
    options.signal.throwIfAborted();
    for (const row of batch) {
      pending.push(row);
      if (pending.length === CHUNK_ROWS) append();
    }
  }
  if (pending.length > 0) append();
  appender.closeSync();
  await connection.run('COMMIT');
  return rows;
}

/** Column by column into the chunk's own vectors: `setRows` would want a copy of every row with its position in front. */
function fillChunk(chunk: DuckDBDataChunk, width: number, before: number, rows: readonly TextRow[]): void {
  chunk.reset();
  chunk.rowCount = rows.length;
  const positions = chunk.getColumnVector(0);
  for (let row = 0; row < rows.length; row += 1) positions.setItem(row, BigInt(before + row + 1));
  positions.flush();
  for (let column = 0; column < width; column += 1) {
    const values = chunk.getColumnVector(column + 1);
    for (let row = 0; row < rows.length; row += 1) values.setItem(row, rows[row]![column] ?? null);
    values.flush();
  }
}

/** 16 hex digits over column names and types, in order. */
export function schemaFingerprint(columns: readonly (readonly [name: string, type: string])[]): string {
  return createHash('sha256').update(JSON.stringify(columns)).digest('hex').slice(0, 16);
}
