import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readCsvRecords, type CsvRecord } from '../../src/csv/read-records.js';

/** The text in pieces of so many bytes, as a network delivers it. */
async function* pieces(text: string | Buffer, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text as string);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(text: string | Buffer, size = 7): Promise<CsvRecord[]> {
  const records: CsvRecord[] = [];
  for await (const batch of readCsvRecords(pieces(text, size), 's3://raw/a.csv')) records.push(...batch);
  return records;
}

const values = (records: CsvRecord[]): (string[] | string | undefined)[] => records.map((record) => record.values ?? record.problem);

describe('the reader of CSV', () => {
  it.each([1, 2, 3, 1000])('gives fields that hold quotes, commas, newlines and nothing back unchanged, in pieces of %i bytes', async (size) => {
    const text = 'a,b,c\r\n"1,5","say ""hi""",\r\n"two\nlines","with ""q""\r\nin",""\r\n ä ,🚲,=1+1\r\n';
    expect(values(await read(text, size))).toEqual([
      ['a', 'b', 'c'],
      ['1,5', 'say "hi"', ''],
      ['two\nlines', 'with "q"\r\nin', ''],
      [' ä ', '🚲', '=1+1'],
    ]);
  });

  it('knows the line on which each record begins, and keeps it as it stands there', async () => {
    const records = await read('h\n\n"a\nb"\n\n  \nc\n');
    expect(records.map(({ line, raw }) => [line, raw])).toEqual([[1, 'h'], [3, '"a\nb"'], [7, 'c']]);
  });

  it('skips a byte order mark and takes a last line without its end', async () => {
    expect(values(await read('\uFEFFa,b\n1,2', 1))).toEqual([['a', 'b'], ['1', '2']]);
    expect(values(await read('\uFEFF', 1))).toEqual([]);
    expect(values(await read(''))).toEqual([]);
  });

  it('lets a stray quote cost its own line and no other', async () => {
    const records = await read('a,b\n1,12" vinyl\n2,x\n3,"y"z\n4,"ok"\n5,"never closed\n6,z\n');
    expect(records.map(({ line, values, problem }) => [line, values ?? problem])).toEqual([
      [1, ['a', 'b']],
      [2, 'bad_quotes'],
      [3, ['2', 'x']],
      [4, 'bad_quotes'],
      [5, ['4', 'ok']],
      [6, 'bad_quotes'],
      [7, ['6', 'z']],
    ]);
  });

  it('gives up a quote that is not closed within a record of a reasonable size, and reads on behind its line', async () => {
    const rest = Array.from({ length: 40_000 }, (_, index) => `${index},fine line`);
    const records = await read(['a,b', '1,"open', ...rest].join('\n'), 64 * 1024);
    expect(records.filter(({ problem }) => problem !== undefined)).toEqual([{ line: 2, raw: '1,"open', problem: 'bad_quotes' }]);
    expect(records).toHaveLength(40_002);
  });

  it('marks a record whose bytes are no UTF-8', async () => {
    expect(values(await read(Buffer.concat([Buffer.from('a\n'), Buffer.from([0xe9, 0x0a]), Buffer.from('ok\n')])))).toEqual([['a'], 'bad_encoding', ['ok']]);
  });

  it.each([1, 1000])('reads gzip, in pieces of %i bytes, also of several members', async (size) => {
    expect(values(await read(Buffer.concat([gzipSync('a,b\n1,'), gzipSync('2\n')]), size))).toEqual([['a', 'b'], ['1', '2']]);
  });

  it('tells gzip that is not whole from gzip that is damaged', async () => {
    await expect(read(gzipSync('a,b\n1,2\n').subarray(0, -9))).rejects.toMatchObject({ code: 'SOURCE_INCOMPLETE', message: expect.stringContaining('s3://raw/a.csv') as string });
    await expect(read(Buffer.concat([gzipSync('a,b\n').subarray(0, 10), Buffer.alloc(50, 0xff)]))).rejects.toMatchObject({ code: 'SOURCE_MALFORMED' });
  });

  it('refuses a line that has no end', async () => {
    await expect(read('x'.repeat(300_000), 10_000)).rejects.toMatchObject({ code: 'SOURCE_MALFORMED', message: expect.stringContaining('s3://raw/a.csv') as string });
  });
});
