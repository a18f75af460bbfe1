import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTextParquet } from '../../src/datasets/parquet-writer.js';
import { readText, sqlString, withScratchDatabase } from '../../src/duckdb/duckdb.js';

type Row = (string | null)[];

describe('the writer of extracted rows', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-parquet-'));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function* inBatches(rows: number, size: number, row: (index: number) => Row): AsyncGenerator<Row[]> {
    for (let start = 0; start < rows; start += size) {
      yield Array.from({ length: Math.min(size, rows - start) }, (_, index) => row(start + index));
    }
  }

  async function write(columns: string[], batches: AsyncIterable<Row[]>, onRows?: (rows: number) => void): Promise<{ file: string; rows: number }> {
    const file = join(folder, `${columns.join('-')}.parquet`);
    const { rows } = await writeTextParquet(file, columns, batches, folder, { signal: new AbortController().signal, ...(onRows ? { onRows } : {}) });
    return { file, rows };
  }

  const query = (file: string, select: string): Promise<(string | null)[][]> =>
    withScratchDatabase({ memoryLimit: '512MB', threads: 2, scratchDir: folder }, (db) => readText(db, `${select} FROM read_parquet(${sqlString(file)})`));

  it('numbers the rows from 1 in the order of the source, across batches of any size', async () => {
    const progress: number[] = [];
    const { file, rows } = await write(['value', 'twice'], inBatches(50_001, 777, (index) => [String(index), String(2 * index)]), (done) => progress.push(done));
    expect(rows).toBe(50_001);
    expect(await query(file, `SELECT count(*), min(position), max(position), count(*) FILTER (value = CAST(position - 1 AS VARCHAR) AND twice = CAST(2 * (position - 1) AS VARCHAR))`)).toEqual([
      ['50001', '1', '50001', '50001'],
    ]);
    expect(progress.at(-1)).toBe(50_001);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
  });

  it('keeps nulls, empty texts, quotes, line breaks and characters of every width as they are, also where a chunk before had other values', async () => {
    const odd: Row[] = [
      [null, ''],
      ['"quoted", \'twice\'', 'line\r\nbreak\t'],
      ['🎁 ÉTÉ', null],
    ];
    const { file } = await write(['a', 'b'], inBatches(6000, 2048, (index) => (index < 5997 ? ['x', 'y'] : odd[index - 5997]!)));
    expect(await query(file, 'SELECT a, b')).toEqual([...Array.from({ length: 5997 }, () => ['x', 'y']), ...odd]);
  });

  it('writes a source without rows as a file without rows', async () => {
    const { file, rows } = await write(['none'], inBatches(0, 1, () => []));
    expect(rows).toBe(0);
    expect(await query(file, 'SELECT count(*)')).toEqual([['0']]);
  });

  it('takes as much memory as rows of ten kilobytes need, and leaves nothing in its scratch folder', async () => {
    const wide = (index: number): Row => [String(index), `${index} `.repeat(10_000 / (String(index).length + 1))];
    const { file, rows } = await write(['id', 'text'], inBatches(12_000, 500, wide));
    expect(rows).toBe(12_000);
    expect(await query(file, "SELECT count(*) FILTER (starts_with(text, id || ' ')), min(length(text)) > 9900")).toEqual([['12000', 'true']]);
    expect((await readdir(folder)).filter((name) => !name.endsWith('.parquet'))).toEqual([]);
  });
});
