import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { MillraceError } from '../../src/errors.js';
import { readJsonLines, type JsonLine, type JsonLinesOptions } from '../../src/sources/json-lines.js';

const FILE = 's3://lake/clicks/2010-12-01/part-1.jsonl';

/** A body that arrives in pieces of this many bytes. */
const bodyOf = (content: Buffer | string, pieces = 7): Readable => {
  const bytes = Buffer.from(content);
  return Readable.from(Array.from({ length: Math.ceil(bytes.length / pieces) }, (_, index) => bytes.subarray(index * pieces, (index + 1) * pieces)));
};

async function linesOf(body: Readable, options: Partial<JsonLinesOptions> = {}): Promise<JsonLine[]> {
  const lines: JsonLine[] = [];
  for await (const batch of readJsonLines(body, { name: FILE, maxLineBytes: 1_000, gzip: 'auto', ...options })) lines.push(...batch);
  return lines;
}
const failureOf = (work: Promise<unknown>): Promise<unknown> => work.then((value) => ({ none: value }), (error: unknown) => error);

describe('JSON lines', () => {
  test.each([1, 2, 3, 1_000])('are read the same whether they arrive in pieces of %i bytes or as a whole', async (pieces) => {
    const content = '\uFEFF{"a":"é"}\r\n\r\n  \n{"b":"日本 🚲"}\n{"c":null}';
    expect(await linesOf(bodyOf(content, pieces))).toEqual([
      { line: 1, text: '{"a":"é"}', value: { a: 'é' } },
      { line: 4, text: '{"b":"日本 🚲"}', value: { b: '日本 🚲' } },
      { line: 5, text: '{"c":null}', value: { c: null } },
    ]);
  });

  test('that cannot be used are reported with their position and reason, and the others are read', async () => {
    const content = Buffer.concat([
      Buffer.from('{"id": 1}\n{"id": 2\nnull\n[1]\n"text"\n'),
      Buffer.from('{"name": "José"}\n', 'latin1'),
      Buffer.from(`{"huge": "${'x'.repeat(2_000)}"}\n{"id": 8}\n{"id": 9}{"id": 10}\n{"id": 1`),
    ]);
    const lines = await linesOf(bodyOf(content));
    expect(lines.map(({ line, error, value }) => [line, error ?? value])).toEqual([
      [1, { id: 1 }],
      [2, 'bad_json'],
      [3, 'not_an_object'],
      [4, 'not_an_object'],
      [5, 'not_an_object'],
      [6, 'bad_encoding'],
      [7, 'line_too_long'],
      [8, { id: 8 }],
      [9, 'bad_json'],
      // Half-written: the end of the file came in the middle of a line.
      [10, 'bad_json'],
    ]);
    expect(lines[5]?.text).toBe('{"name": "Jos\uFFFD"}');
    expect(lines[6]?.text).toBe(`{"huge": "${'x'.repeat(190)}`);
  });

  test('keep every digit of their numbers', async () => {
    const [line] = await linesOf(bodyOf('{"id": 12345678901234567890, "price": 12.10, "n": 3, "deep": [{"x": 1e400}]}'));
    expect(line?.value).toEqual({ id: '12345678901234567890', price: '12.10', n: 3, deep: [{ x: '1e400' }] });
  });

  test.each([
    ['', []],
    ['\n\n', []],
    ['\uFEFF', []],
  ])('of a file with nothing in it (%j) are none', async (content, expected) => {
    expect(await linesOf(bodyOf(content))).toEqual(expected);
    expect(await linesOf(bodyOf(gzipSync(content)))).toEqual(expected);
  });

  test('of an empty file that should be gzip are none', async () => {
    expect(await linesOf(bodyOf(''), { gzip: true })).toEqual([]);
  });

  test('are unpacked when the file is gzip, also in several members', async () => {
    const packed = Buffer.concat([gzipSync('{"a":1}\n{"b"'), gzipSync(':2}\n')]);
    for (const pieces of [1, 10_000]) {
      expect((await linesOf(bodyOf(packed, pieces))).map((line) => line.value)).toEqual([{ a: 1 }, { b: 2 }]);
    }
  });

  test('of a file are read in batches that are bounded in lines and in bytes', async () => {
    const narrow: number[] = [];
    for await (const batch of readJsonLines(bodyOf('{"a":1}\n'.repeat(5_001), 65_536), { name: FILE, maxLineBytes: 100, gzip: false })) narrow.push(batch.length);
    expect(narrow).toEqual([2_000, 2_000, 1_001]);
    const wide: number[] = [];
    const line = `{"a":"${'x'.repeat(1_000_000)}"}\n`;
    for await (const batch of readJsonLines(bodyOf(line.repeat(12), 65_536), { name: FILE, maxLineBytes: 2_000_000, gzip: false })) wide.push(batch.length);
    expect(wide).toEqual([5, 5, 2]);
  });

  test('that never end are skipped without being held in memory', async () => {
    async function* endless(): AsyncGenerator<Buffer> {
      yield Buffer.from('{"a":1}\n');
      const chunk = Buffer.alloc(1024 * 1024, 'x');
      for (let megabyte = 0; megabyte < 512; megabyte += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        // A copy each time, so that whoever keeps them is seen.
        yield Buffer.from(chunk);
      }
      yield Buffer.from('\n{"b":2}\n');
    }
    const before = process.memoryUsage().rss;
    let peak = 0;
    const watched = Readable.from(endless()).on('data', () => {
      peak = Math.max(peak, process.memoryUsage().rss);
    });
    // Listening for data sets it flowing; the reader shall pull.
    watched.pause();
    const lines = await linesOf(watched, { maxLineBytes: 1024 * 1024 });
    expect(lines.map(({ line, error }) => [line, error])).toEqual([[1, undefined], [2, 'line_too_long'], [3, undefined]]);
    expect(peak - before).toBeLessThan(256 * 1024 * 1024);
  });

  test('of gzip that is cut short: SOURCE_INCOMPLETE, which may be tried again, with the name of the file', async () => {
    const packed = gzipSync(Array.from({ length: 1_000 }, () => JSON.stringify({ id: randomBytes(20).toString('hex') })).join('\n'));
    const failure = await failureOf(linesOf(bodyOf(packed.subarray(0, packed.length - 100), 4_096)));
    expect(failure).toMatchObject({ code: 'SOURCE_INCOMPLETE', retryable: true, message: expect.stringContaining(FILE) as string });
  });

  test('of gzip that is damaged: SOURCE_MALFORMED', async () => {
    const packed = gzipSync('{"a":1}\n'.repeat(1_000));
    const flipped = Buffer.from(packed);
    flipped[flipped.length - 6] = (flipped.at(-6) ?? 0) ^ 0xff;
    expect(await failureOf(linesOf(bodyOf(flipped)))).toMatchObject({ code: 'SOURCE_MALFORMED', message: expect.stringContaining(FILE) as string });
    expect(await failureOf(linesOf(bodyOf('{"a":1}\n'), { gzip: true }))).toMatchObject({ code: 'SOURCE_MALFORMED' });
  });

  test.each(['utf16le', 'utf16be'])('of a file in %s: SOURCE_MALFORMED, which says what it is', async (encoding) => {
    const bytes = Buffer.from('\uFEFF{"a":1}\n', 'utf16le');
    if (encoding === 'utf16be') bytes.swap16();
    expect(await failureOf(linesOf(bodyOf(bytes)))).toMatchObject({ code: 'SOURCE_MALFORMED', message: expect.stringContaining('UTF-16') as string });
  });

  test('whose body breaks off: SOURCE_UNAVAILABLE; an error of ours passes unchanged', async () => {
    for (const gzip of [false, true]) {
      const start = gzip ? gzipSync('{"a":1}\n').subarray(0, 12) : Buffer.from('{"a":1}\n{"b"');
      const breaking = (error: Error): Readable => {
        const body = new PassThrough();
        body.write(start, () => body.destroy(error));
        return body;
      };
      const reset = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
      expect(await failureOf(linesOf(breaking(reset), { gzip }))).toMatchObject({ code: 'SOURCE_UNAVAILABLE', message: expect.stringContaining(FILE) as string });
      const ours = new MillraceError('STORE_FORBIDDEN', 'no');
      expect(await failureOf(linesOf(breaking(ours), { gzip }))).toBe(ours);
    }
  });

  test.each([false, true])('close their body when the reader leaves early (gzip: %s)', async (gzip) => {
    const content = '{"a":1}\n'.repeat(100_000);
    const body = bodyOf(gzip ? gzipSync(content) : content, 1_000);
    for await (const _ of readJsonLines(body, { name: FILE, maxLineBytes: 100, gzip })) break;
    expect(body.destroyed).toBe(true);
  });

  test('of a file that is not there: the error of the stream', async () => {
    expect(await failureOf(linesOf(createReadStream('/nonexistent/clicks.jsonl')))).toMatchObject({ code: 'SOURCE_UNAVAILABLE', message: expect.stringContaining('ENOENT') as string });
  });
});
