import { createReadStream, createWriteStream } from 'node:fs';
import { open, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { csvLine } from '../../src/csv/csv-lines.js';
import type { HeaderValue, IncomingMessage } from '../../src/kafka/message-log.js';
import { judgeSignup, STAGED_COLUMNS } from './signup-event.js';

/** Of a quarantined message; `row` is what `millrace quarantine` shows. */
export const QUARANTINE_COLUMNS = ['source', 'reason', 'detail', 'topic_partition', 'topic_offset', 'sent_at', 'message_key', 'headers', 'raw_base64', 'row'] as const;

/** Characters of a malformed message that are shown; all of its bytes are in `raw_base64`. */
const SHOWN = 500;

/**
 * The messages of a batch on their way into a file: what they are is written to files for each partition, which are put together
 * in the order of the partitions. So the file is the same, byte for byte, in whatever order the broker sends.
 */
export class StagedRows {
  readonly #folder: string;
  readonly #topic: string;
  readonly #files = new Map<number, { rows: FileHandle; quarantine: FileHandle }>();
  staged = 0;
  quarantined = 0;
  readonly reasons: Record<string, number> = {};

  constructor(folder: string, topic: string) {
    this.#folder = folder;
    this.#topic = topic;
  }

  async add(partition: number, messages: readonly IncomingMessage[]): Promise<void> {
    let rows = '';
    let quarantine = '';
    for (const message of messages) {
      const judged = judgeSignup(message.value);
      if ('row' in judged) {
        rows += `${csvLine([...judged.row, partition, message.offset])}\r\n`;
        this.staged += 1;
      } else {
        quarantine += `${JSON.stringify(quarantined(this.#topic, partition, message, judged))}\n`;
        this.quarantined += 1;
        this.reasons[judged.reason] = (this.reasons[judged.reason] ?? 0) + 1;
      }
    }
    const files = this.#files.get(partition) ?? (await this.#open(partition));
    await files.rows.appendFile(rows);
    if (quarantine !== '') await files.quarantine.appendFile(quarantine);
  }

  /** RFC 4180 with a header, in UTF-8. */
  async writeCsv(file: string): Promise<void> {
    await writeFile(file, `${csvLine(STAGED_COLUMNS)}\r\n`);
    for (const partition of this.#partitions()) await pipeline(createReadStream(this.#path(partition, 'csv')), createWriteStream(file, { flags: 'a' }));
  }

  async *quarantineRows(): AsyncGenerator<readonly (readonly (string | null)[])[]> {
    for (const partition of this.#partitions()) {
      const lines = createInterface({ input: createReadStream(this.#path(partition, 'jsonl')), crlfDelay: Infinity });
      for await (const line of lines) yield [JSON.parse(line) as (string | null)[]];
    }
  }

  async close(): Promise<void> {
    for (const { rows, quarantine } of this.#files.values()) await Promise.all([rows.close(), quarantine.close()]);
  }

  async #open(partition: number): Promise<{ rows: FileHandle; quarantine: FileHandle }> {
    const files = { rows: await open(this.#path(partition, 'csv'), 'a'), quarantine: await open(this.#path(partition, 'jsonl'), 'a') };
    this.#files.set(partition, files);
    return files;
  }

  #partitions(): number[] {
    return [...this.#files.keys()].toSorted((a, b) => a - b);
  }

  #path(partition: number, kind: string): string {
    return join(this.#folder, `partition-${partition}.${kind}`);
  }
}

function quarantined(topic: string, partition: number, { offset, timestamp, key, value, headers = {} }: IncomingMessage, { reason, detail }: { reason: string; detail: string }): (string | null)[] {
  const shown = { partition, offset: Number(offset), value: value?.toString('utf8').slice(0, SHOWN) ?? null };
  return [topic, reason, detail, String(partition), offset, sentAt(timestamp), key?.toString('utf8') ?? null, JSON.stringify(headersAsText(headers)), value?.toString('base64') ?? null, JSON.stringify(shown)];
}

/** -1 where the producer gave no time. */
function sentAt(timestamp: string): string | null {
  const at = Number(timestamp);
  return at >= 0 && at <= 8.64e15 ? new Date(at).toISOString() : null;
}

function headersAsText(headers: Readonly<Record<string, HeaderValue>>): Record<string, string | string[] | undefined> {
  const text = (value: Buffer | string): string => value.toString();
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.map(text) : value === undefined ? undefined : text(value)]));
}
