import { csvLines } from '../../src/csv/csv-lines.js';
import { readCsvRecords, type CsvRecord } from '../../src/csv/read-records.js';
import { isMillraceError, MillraceError } from '../../src/errors.js';
import type { FunctionHandler, InvocationContext } from '../../src/functions/in-process.js';
import type { ObjectInfo, ObjectStore } from '../../src/object-store/object-store.js';
import { parseTransformEvent, type OutputFile, type TransformEvent, type TransformResult } from './event.js';
import { judgeSale, OUTPUT_COLUMNS, RETAIL_COLUMNS, type RetailColumn } from './retail-rules.js';
import { commitResult, readResult } from './results.js';
import { StreamedObject } from './streamed-object.js';
import { assertTimezone } from './timestamps.js';

/** The store behind an address, and the key there. */
export type StoreOf = (uri: string) => { store: ObjectStore; key: string };

/**
 * The transform function: reads one CSV file in the Online Retail format, version by version as it was sensed, writes the lines that can
 * be used as CSV and the others, with their reasons, as JSON lines. In bounded memory, whatever the file's size.
 *
 * An invocation writes under names of its own; its work counts when `result.json` of the idempotency key appears, which only the
 * first one to end can write. So a repetition has no second effect, and what is read through the result is whole.
 *
 * Errors: `BAD_PARAMS`, `OBJECT_CHANGED` (replaced since it was sensed), `OBJECT_MISSING`, `SOURCE_EMPTY` (no header),
 * `SOURCE_MALFORMED` (other columns, no CSV), and the store's.
 */
export function createTransform(storeOf: StoreOf): FunctionHandler {
  return async function transform(value: unknown, context: InvocationContext): Promise<TransformResult> {
    const event = parseTransformEvent(value);
    assertTimezone(event.timezone ?? 'UTC');
    const target = storeOf(event.output);
    const folder = `${target.key}/${event.idempotencyKey}`;
    const earlier = await readResult(target.store, folder, event, context.signal);
    if (earlier) return earlier;

    const attempt = `${folder}/${context.requestId}`;
    const rows = new StreamedObject(target.store, `${attempt}.csv.gz`, { gzip: true, contentType: 'text/csv', signal: context.signal });
    const rejects = new Rejects(() => new StreamedObject(target.store, `${attempt}.rejects.jsonl`, { gzip: false, contentType: 'application/x-ndjson', signal: context.signal }));
    const removeAttempt = async (): Promise<void> => {
      await Promise.all([rows.abandon(), rejects.abandon()]);
      await Promise.all([target.store.delete(rows.key), target.store.delete(`${attempt}.rejects.jsonl`)]);
    };
    try {
      const counts = await transformRows(storeOf, event, { rows, rejects }, context.signal);
      const file = (info: ObjectInfo): OutputFile => ({
        uri: target.store.uri(info.key),
        bytes: info.bytes,
        etag: info.etag,
        ...(info.versionId === undefined ? {} : { versionId: info.versionId }),
      });
      const output = file(await rows.finish());
      const rejected = await rejects.finish();
      const { idempotencyKey, source } = event;
      const own = { idempotencyKey, source, ...counts, output, ...(rejected === undefined ? {} : { rejects: file(rejected) }) };
      const counted = await commitResult(target.store, folder, own, event, context.signal);
      if (counted.repeated) await removeAttempt();
      return counted;
    } catch (error) {
      await removeAttempt().catch(() => undefined);
      throw error;
    }
  };
}

interface Outputs {
  rows: StreamedObject;
  rejects: Rejects;
}

type Counts = Pick<TransformResult, 'rows' | 'rejectedByReason'>;

async function transformRows(storeOf: StoreOf, { source, timezone = 'UTC' }: TransformEvent, { rows, rejects }: Outputs, signal: AbortSignal): Promise<Counts> {
  const { store, key } = storeOf(source.uri);
  const { body } = await store.get(key, { ifMatch: source.etag, ...(source.versionId === undefined ? {} : { versionId: source.versionId }), signal });
  let read = 0;
  let written = 0;
  let header: Header | undefined;
  try {
    for await (const batch of readCsvRecords(body, source.uri)) {
      if (header === undefined) {
        header = readHeader(batch.shift(), source.uri);
        await rows.write(`${[...csvLines(OUTPUT_COLUMNS, [])].join('')}\n`);
      }
      read += batch.length;
      written += await writeBatch(batch, header, { file: source.uri, timezone }, { rows, rejects });
    }
  } finally {
    body.destroy();
  }
  if (header === undefined) throw new MillraceError('SOURCE_EMPTY', `${source.uri} is empty, without even a header. Have it written again.`);
  return { rows: { read, written, rejected: rejects.count }, rejectedByReason: rejects.byReason };
}

/** How many of the records were usable. */
async function writeBatch(records: readonly CsvRecord[], { width, positions }: Header, { file, timezone }: { file: string; timezone: string }, { rows, rejects }: Outputs): Promise<number> {
  const clean: (string | number | boolean | null)[][] = [];
  for (const { line, raw, values, problem } of records) {
    if (values === undefined) {
      await rejects.add({ line, reason: problem ?? 'bad_quotes', raw });
    } else if (values.length !== width) {
      await rejects.add({ line, reason: 'wrong_columns', raw });
    } else {
      const judged = judgeSale((column) => values[positions[column]] ?? '', timezone);
      if ('sale' in judged) clean.push([file, line, ...judged.sale]);
      else await rejects.add({ line, reason: judged.reason, raw });
    }
  }
  // A newline alone ends a record: not every warehouse takes the return that RFC 4180 puts before it.
  const [, ...lines] = csvLines([], clean);
  if (lines.length > 0) await rows.write(`${lines.join('\n')}\n`);
  return lines.length;
}

interface Header {
  width: number;
  positions: Record<RetailColumn, number>;
}

function readHeader(record: CsvRecord | undefined, file: string): Header {
  const found = (record?.values ?? []).map((name) => name.trim());
  const missing = RETAIL_COLUMNS.filter((name) => !found.includes(name));
  if (missing.length > 0) {
    const seen = (record?.raw ?? '').slice(0, 200);
    throw new MillraceError('SOURCE_MALFORMED', `${file} lacks the columns ${missing.join(', ')}; its first line is: ${seen}. Have it written with the columns ${RETAIL_COLUMNS.join(',')}.`);
  }
  return { width: found.length, positions: Object.fromEntries(RETAIL_COLUMNS.map((name) => [name, found.indexOf(name)])) as Record<RetailColumn, number> };
}

/** The lines that cannot be used; the file is begun with the first one. */
class Rejects {
  count = 0;
  readonly byReason: Record<string, number> = {};
  readonly #open: () => StreamedObject;
  #file: StreamedObject | undefined;

  constructor(open: () => StreamedObject) {
    this.#open = open;
  }

  async add(reject: { line: number; reason: string; raw: string }): Promise<void> {
    this.count += 1;
    this.byReason[reject.reason] = (this.byReason[reject.reason] ?? 0) + 1;
    this.#file ??= this.#open();
    await this.#file.write(`${JSON.stringify(reject)}\n`);
  }

  async finish(): Promise<ObjectInfo | undefined> {
    return this.#file?.finish();
  }

  async abandon(): Promise<void> {
    await this.#file?.abandon();
  }
}

/** The error as Lambda reports it: the type is the error's name, and ours are known by their codes. */
export function namedByCode(error: unknown): unknown {
  return isMillraceError(error) ? Object.assign(new Error(error.message), { name: error.code }) : error;
}
