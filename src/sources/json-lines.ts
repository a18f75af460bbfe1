import { isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';
import { isMillraceError, MillraceError } from '../errors.js';
import { gzipError, unpack } from '../streams/unpack.js';
import { parseJson } from './json.js';

/** Why a line cannot be used; the quarantine keeps it. */
export type JsonLineError = 'bad_json' | 'bad_encoding' | 'line_too_long' | 'not_an_object';

export interface JsonLine {
  /** Position in the file, from 1; blank lines count. */
  line: number;
  /** The line without its end; invalid bytes as U+FFFD, and only the beginning of a line that is too long. */
  text: string;
  /** The parsed object (numbers as `parseJson` gives them); absent when there is an `error`. */
  value?: Record<string, unknown>;
  error?: JsonLineError;
}

export interface JsonLinesOptions {
  /** What messages call the file: its address, without credentials. */
  name: string;
  /** A longer line is reported and skipped, and never held in memory. */
  maxLineBytes: number;
  /** `auto`: by the first two bytes. */
  gzip: boolean | 'auto';
}

const BATCH_LINES = 2_000;
const BATCH_BYTES = 4 * 1024 * 1024;
/** How much of a line that is too long is kept for its report. */
const SAMPLE_BYTES = 200;
const NEWLINE = 0x0a;

/**
 * Reads JSON lines (UTF-8, LF or CRLF, a byte order mark is skipped) in batches; every line that is not blank is either a
 * value or an error, none is lost. The body is consumed, and destroyed when the reader leaves early.
 *
 * Errors: `SOURCE_INCOMPLETE` (gzip without its end: still being written?), `SOURCE_MALFORMED` (gzip is damaged, UTF-16),
 * `SOURCE_UNAVAILABLE` (the body broke off). Those of the body itself pass as they are.
 */
export async function* readJsonLines(body: Readable, options: JsonLinesOptions): AsyncGenerator<readonly JsonLine[]> {
  let batch: JsonLine[] = [];
  let bytes = 0;
  try {
    for await (const lines of splitLines(await unpack(body as AsyncIterable<Buffer | string>, options.gzip), options.maxLineBytes)) {
      for (const raw of lines) {
        const line = readLine(raw, options.name);
        if (!line) continue;
        batch.push(line);
        bytes += raw.bytes.length;
        if (batch.length < BATCH_LINES && bytes < BATCH_BYTES) continue;
        yield batch;
        batch = [];
        bytes = 0;
      }
    }
  } catch (error) {
    throw translate(error, options.name);
  } finally {
    body.destroy();
  }
  if (batch.length > 0) yield batch;
}

interface RawLine {
  line: number;
  bytes: Buffer;
  tooLong: boolean;
}

/** The lines that each chunk completes. */
async function* splitLines(chunks: AsyncIterable<Buffer>, maxLineBytes: number): AsyncGenerator<RawLine[]> {
  let line = 1;
  let parts: Buffer[] = [];
  let length = 0;

  const add = (part: Buffer): void => {
    length += part.length;
    if (length <= maxLineBytes) parts.push(part);
    else parts = [Buffer.concat([...parts, part.subarray(0, SAMPLE_BYTES)]).subarray(0, SAMPLE_BYTES)];
  };
  const take = (): RawLine => {
    const bytes = parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
    const raw = { line, bytes, tooLong: length > maxLineBytes };
    line += 1;
    parts = [];
    length = 0;
    return raw;
  };

  for await (const chunk of chunks) {
    const lines: RawLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, end));
      lines.push(take());
      start = end + 1;
    }
    if (start < chunk.length) add(chunk.subarray(start));
    yield lines;
  }
  if (length > 0) yield [take()];
}

/** `undefined` for a blank line. */
function readLine({ line, bytes, tooLong }: RawLine, name: string): JsonLine | undefined {
  if (line === 1 && (startsWith(bytes, 0xff, 0xfe) || startsWith(bytes, 0xfe, 0xff))) {
    throw new MillraceError('SOURCE_MALFORMED', `${name} is UTF-16. JSON lines are UTF-8: have it written as that.`);
  }
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '').replace(/\r$/, '');
  if (tooLong) return { line, text, error: 'line_too_long' };
  if (!isUtf8(bytes)) return { line, text, error: 'bad_encoding' };
  if (text.trim() === '') return undefined;
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return { line, text, error: 'bad_json' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { line, text, error: 'not_an_object' };
  return { line, text, value: value as Record<string, unknown> };
}

function startsWith(bytes: Buffer, first: number, second: number): boolean {
  return bytes[0] === first && bytes[1] === second;
}

function translate(error: unknown, name: string): unknown {
  if (isMillraceError(error) || (error as Error).name === 'AbortError') return error;
  const ofGzip = gzipError(error, name);
  if (ofGzip !== undefined) return ofGzip;
  const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
  return new MillraceError('SOURCE_UNAVAILABLE', `${name}: reading it broke off (${reason}). Check the store that it comes from.`, { cause: error });
}
