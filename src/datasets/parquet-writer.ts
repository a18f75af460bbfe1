import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createHash, randomUUID } from 'node:crypto';
import { BIGINT, DuckDBDataChunk, VARCHAR, type DuckDBConnection } from '@duckdb/node-api';
import { interruptible, sqlIdentifier, sqlString, withDatabaseFile } from '../duckdb/duckdb.js';

/** The position column of every extracted dataset: 1, 2, 3 … in the source's order. */
export const POSITION = 'position';

type TextRow = readonly (string | null)[];

/** What DuckDB computes with at a time. */
const CHUNK_ROWS = 2048;
/** Left alone, the appender would hold 100 chunks outside DuckDB's memory limit. */
const CHUNKS_PER_FLUSH = 10;
/** Chunks of wide rows are appended and flushed earlier, at this many characters. */
const FLUSH_CHARACTERS = 4_000_000;

/** Writing is a stream: more memory, threads or larger row groups would only make the worker larger, not faster. */
const WRITER_MEMORY_MB = 32;
/** A row group is put together in memory: of wide rows it has fewer. */
const ROW_GROUP_ROWS = 40_960;
const ROW_GROUP_CHARACTERS = 8_000_000;
/** How often DuckDB holds a chunk while it writes, compresses and copies it, as measured with wide rows. */
const CHUNKS_IN_MEMORY = 12;

export interface WrittenFile {
  rows: number;
  bytes: number;
  schema: string;
}

/**
 * Writes rows of text to one Parquet file, with `position` (BIGINT, from 1) before the given columns (VARCHAR).
 * Memory depends on the width of the rows and not on their number: they go through a DuckDB file in `scratchDir`, which is
 * removed afterwards.
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
    return await withDatabaseFile(scratch, { memoryLimit: `${WRITER_MEMORY_MB}MB`, threads: 1, scratchDir }, async (connection) => {
      const definitions = columns.map((column) => `${sqlIdentifier(column)} VARCHAR`).join(', ');
      await connection.run(`CREATE TABLE rows (${POSITION} BIGINT, ${definitions})`);
      const { rows, widest } = await appendAll(connection, columns.length, batches, options);
      const rowGroup = Math.max(CHUNK_ROWS, Math.min(ROW_GROUP_ROWS, Math.floor(ROW_GROUP_CHARACTERS / widest)));
      await interruptible(connection, options.signal, () =>
        connection.run(`COPY rows TO ${sqlString(file)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroup})`),
      );
      const { size } = await stat(file);
      return { rows, bytes: size, schema: schemaFingerprint([[POSITION, 'BIGINT'], ...columns.map((column): [string, string] => [column, 'VARCHAR'])]) };
    });
  } finally {
    await rm(scratch, { force: true });
    await rm(`${scratch}.wal`, { force: true });
  }
}

/** Returns also how wide the rows of the widest chunk were, in characters. */
async function appendAll(
  connection: DuckDBConnection,
  width: number,
  batches: AsyncIterable<readonly TextRow[]>,
  options: { signal: AbortSignal; onRows?: (rows: number) => void },
): Promise<{ rows: number; widest: number }> {
  // In one transaction, so that the small flushes need no commit each.
  await connection.run('BEGIN TRANSACTION');
  const appender = await connection.createAppender('rows');
  const chunk = DuckDBDataChunk.create([BIGINT, ...Array.from({ length: width }, () => VARCHAR)]);
  let pending: TextRow[] = [];
  let characters = 0;
  let rows = 0;
  let unflushed = 0;
  let widest = 1;
  const append = async (): Promise<void> => {
    if (characters / pending.length > widest) {
      widest = characters / pending.length;
      await connection.run(`SET memory_limit = '${WRITER_MEMORY_MB + Math.ceil((CHUNKS_IN_MEMORY * CHUNK_ROWS * widest) / 2 ** 20)}MB'`);
    }
    fillChunk(chunk, width, rows, pending);
    appender.appendDataChunk(chunk);
    unflushed += 1;
    if (unflushed === CHUNKS_PER_FLUSH || characters >= FLUSH_CHARACTERS) {
      appender.flushSync();
      unflushed = 0;
    }
    rows += pending.length;
    pending = [];
    characters = 0;
    options.onRows?.(rows);
  };
  for await (const batch of batches) {
    options.signal.throwIfAborted();
    for (const row of batch) {
      pending.push(row);
      for (const value of row) characters += value?.length ?? 0;
      if (pending.length === CHUNK_ROWS || characters >= FLUSH_CHARACTERS) await append();
    }
  }
  if (pending.length > 0) await append();
  appender.closeSync();
  await connection.run('COMMIT');
  return { rows, widest };
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
