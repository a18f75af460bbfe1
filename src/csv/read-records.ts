import { StringDecoder } from 'node:string_decoder';
import { parse } from 'csv-parse/sync';
import { MillraceError } from '../errors.js';
import { gzipError, unpack } from '../streams/unpack.js';

export interface CsvRecord {
  /** The line on which it begins, from 1; blank lines count. */
  line: number;
  /** As it stands in the file, without its line's end. */
  raw: string;
  /** Absent when there is a problem. */
  values?: string[];
  /** `bad_quotes`: its quotes are not those of CSV. `bad_encoding`: bytes that are no UTF-8, U+FFFD in `raw`. */
  problem?: 'bad_quotes' | 'bad_encoding';
}

/** A longer record is a quote that is not closed; a longer line is not CSV. */
const MAX_RECORD_CHARACTERS = 256 * 1024;
const QUOTE = '"';
/** What a decoder puts in the place of bytes that are no UTF-8. */
const REPLACEMENT = '\uFFFD';

interface Line {
  number: number;
  text: string;
}

/**
 * The records of a CSV file (RFC 4180; LF or CRLF, UTF-8, with or without a byte order mark, plain or gzip), in batches, in bounded memory.
 * The header is a record as others. Every line that is not blank is part of a record: one whose quotes make no sense is given out alone,
 * and reading goes on with the line behind it, so that a stray quote costs its own line and no other. `name` is the file's address,
 * for messages.
 *
 * Errors: `SOURCE_MALFORMED` (a line of more than 256 Ki characters, damaged gzip), `SOURCE_INCOMPLETE` (gzip without its end).
 */
export async function* readCsvRecords(chunks: AsyncIterable<Buffer>, name: string): AsyncGenerator<CsvRecord[]> {
  let waiting: Line[] = [];
  try {
    for await (const lines of splitLines(await unpack(chunks, 'auto'), name)) {
      const { records, rest } = takeRecords(waiting.length === 0 ? lines : [...waiting, ...lines], false);
      waiting = rest;
      if (records.length > 0) yield parseValues(records);
    }
  } catch (error) {
    throw gzipError(error, name) ?? error;
  }
  const { records } = takeRecords(waiting, true);
  if (records.length > 0) yield parseValues(records);
}

async function* splitLines(chunks: AsyncIterable<Buffer>, name: string): AsyncGenerator<Line[]> {
  const decoder = new StringDecoder('utf8');
  let number = 0;
  let tail = '';
  let atStart = true;
  const decoded = (text: string): string => {
    if (!atStart || text === '') return text;
    atStart = false;
    return text.replace(/^\uFEFF/, '');
  };
  for await (const chunk of chunks) {
    const parts = (tail + decoded(decoder.write(chunk))).split('\n');
    tail = parts.pop()!;
    const lines = parts.map((text) => ({ number: (number += 1), text }));
    if ([tail, ...parts].some(({ length }) => length > MAX_RECORD_CHARACTERS)) throw lineTooLong(name, number);
    if (lines.length > 0) yield lines;
  }
  tail += decoded(decoder.end());
  if (tail !== '') yield [{ number: number + 1, text: tail }];
}

/** A record ends with the first line at whose end all quotes are closed. `rest` is what needs further lines to be told. */
function takeRecords(lines: readonly Line[], last: boolean): { records: CsvRecord[]; rest: Line[] } {
  const records: CsvRecord[] = [];
  let at = 0;
  while (at < lines.length) {
    const { number, text } = lines[at]!;
    if (closed(text)) {
      const raw = withoutReturn(text);
      if (raw.trim() !== '') records.push(judged({ line: number, raw }));
      at += 1;
      continue;
    }
    const joined = joinQuoted(lines, at);
    if (joined === 'unfinished' && !last) break;
    if (joined === 'unfinished' || joined === 'too long') {
      records.push({ line: number, raw: withoutReturn(text), problem: 'bad_quotes' });
      at += 1;
    } else {
      const raw = withoutReturn(joined.text);
      const values = parseOne(raw);
      records.push(values ? judged({ line: number, raw, values }) : { line: number, raw: withoutReturn(text), problem: 'bad_quotes' });
      at += values ? joined.lines : 1;
    }
  }
  return { records, rest: lines.slice(at) };
}

function judged(record: CsvRecord): CsvRecord {
  return record.raw.includes(REPLACEMENT) ? { line: record.line, raw: record.raw, problem: 'bad_encoding' } : record;
}

/** The lines from `start` on until all quotes are closed. */
function joinQuoted(lines: readonly Line[], start: number): { text: string; lines: number } | 'unfinished' | 'too long' {
  let length = lines[start]!.text.length;
  for (let end = start + 1; end < lines.length; end += 1) {
    const { text } = lines[end]!;
    length += text.length + 1;
    if (length > MAX_RECORD_CHARACTERS) return 'too long';
    if (closed(text)) continue;
    const joined = lines.slice(start, end + 1).map((line) => line.text);
    return { text: joined.join('\n'), lines: joined.length };
  }
  return 'unfinished';
}

/** An even number of quotes: what was open before the line is open behind it. */
function closed(text: string): boolean {
  let quotes = 0;
  for (let at = text.indexOf(QUOTE); at >= 0; at = text.indexOf(QUOTE, at + 1)) quotes += 1;
  return quotes % 2 === 0;
}

/** Records with quotes are parsed together, and one by one where one of them is not CSV. */
function parseValues(records: CsvRecord[]): CsvRecord[] {
  const quoted = records.filter(({ raw, values, problem }) => values === undefined && problem === undefined && raw.includes(QUOTE));
  const together = quoted.length === 0 ? [] : parseText(quoted.map(({ raw }) => raw).join('\n'));
  for (const [index, record] of quoted.entries()) {
    const values = together?.length === quoted.length ? together[index] : parseOne(record.raw);
    if (values) record.values = values;
    else record.problem = 'bad_quotes';
  }
  for (const record of records) if (record.values === undefined && record.problem === undefined) record.values = record.raw.split(',');
  return records;
}

function parseOne(raw: string): string[] | undefined {
  const records = parseText(raw);
  return records?.length === 1 ? records[0] : undefined;
}

/** `undefined` for what is not CSV. */
function parseText(text: string): string[][] | undefined {
  try {
    return parse(text, { relax_column_count: true, record_delimiter: '\n' });
  } catch {
    return undefined;
  }
}

function withoutReturn(text: string): string {
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}

function lineTooLong(name: string, line: number): MillraceError {
  return new MillraceError('SOURCE_MALFORMED', `${name}: near line ${line} is one of more than ${MAX_RECORD_CHARACTERS} characters: this is no CSV file, or its lines end neither with LF nor CRLF`);
}
