import { Context } from '@temporalio/activity';
import type { DatasetRef } from '../../src/datasets/dataset-ref.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import { MillraceError } from '../../src/errors.js';
import type { ObjectInfo, ObjectStore } from '../../src/object-store/object-store.js';
import { readJsonLines, type JsonLine } from '../../src/sources/json-lines.js';
import type { TextRow } from '../../src/sources/sql-source.js';
import { refuseEmpty, writeRawDataset } from '../datasets.js';
import type { Dependencies } from '../dependencies.js';
import type { SourceName } from './source-name.js';
import { asText } from './text-values.js';

const EVENT_FIELDS = ['event_id', 'session_id', 'customer_id', 'ts', 'type', 'stock_code', 'invoice_no'] as const;
/** Beside the event: where it stood, and for a line that is no event the reason and the start of its text. */
const CLICK_COLUMNS = ['file', 'line', ...EVENT_FIELDS, 'error', 'raw'] as const;

/** 1 MiB: an event is some hundred bytes; a longer line is a broken writer. */
const MAX_LINE_BYTES = 1024 * 1024;
const RAW_TEXT_LIMIT = 2000;

/** The day's clickstream: every file under `clicks/<day>/`, each line an event or, with its reason, for the quarantine. */
export function createExtractClicks(deps: Dependencies) {
  return async function extractClicks(interval: DataInterval, allowEmpty: SourceName[] = []): Promise<DatasetRef> {
    const { cancellationSignal: signal, log } = Context.current();
    const [store, lake] = [deps.clicks(), deps.lake()];
    const folder = `clicks/${interval.label}`;
    const where = store.uri(folder);
    const files = await listFiles(store, `${folder}/`, signal);
    if (files.length === 0 && !allowEmpty.includes('clicks')) {
      throw new MillraceError('SOURCE_MISSING', `clicks: there is no file under ${where}. Nothing was published; run again when the files have arrived.`);
    }
    log.info(`reading ${files.length} click files under ${where}`);
    const ref = await writeRawDataset({ lake, limits: deps.limits }, interval, 'clicks', CLICK_COLUMNS, clickRows(store, files, signal));
    return refuseEmpty(ref, 'clicks', where, interval, allowEmpty);
  };
}

/** Fixed once: files that arrive while we read belong to no attempt, and a replaced one fails the step instead of being mixed in. */
async function listFiles(store: ObjectStore, prefix: string, signal: AbortSignal): Promise<ObjectInfo[]> {
  const files: ObjectInfo[] = [];
  for await (const file of store.list(prefix, { signal })) files.push(file);
  return files;
}

async function* clickRows(store: ObjectStore, files: readonly ObjectInfo[], signal: AbortSignal): AsyncIterable<TextRow[]> {
  for (const file of files) {
    const { body } = await store.get(file.key, { ifMatch: file.etag, signal });
    for await (const lines of readJsonLines(body, { name: store.uri(file.key), maxLineBytes: MAX_LINE_BYTES, gzip: 'auto' })) {
      yield lines.map((line) => clickRow(file.key, line));
    }
  }
}

function clickRow(file: string, line: JsonLine): TextRow {
  const position = [file, String(line.line)];
  if (line.error !== undefined) {
    return [...position, ...EVENT_FIELDS.map(() => null), line.error, line.text.slice(0, RAW_TEXT_LIMIT)];
  }
  const event = line.value as Record<string, unknown>;
  return [...position, ...EVENT_FIELDS.map((field) => asText(event[field])), null, null];
}
