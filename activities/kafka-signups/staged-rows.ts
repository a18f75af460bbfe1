import { createReadStream, createWriteStream } from 'node:fs';
import { open, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { csvLine } from '../../src/csv/csv-lines.js';
import type { HeaderValue, IncomingMessage } from '../../src/kafka/message-log.js';
import { packMessages, type JudgedMessages } from './judged-messages.js';
import { createJudging, type Judging } from './judging.js';
import { STAGED_COLUMNS } from './signup-event.js';

/** Of a quarantined message; `row` is what `millrace quarantine` shows. */
export const QUARANTINE_COLUMNS = ['source', 'reason', 'detail', 'topic_partition', 'topic_offset', 'sent_at', 'message_key', 'headers', 'raw_base64', 'row'] as const;

/** Characters of a malformed message that are shown; all of its bytes are in `raw_base64`. */
const SHOWN = 500;

/** One that is judged, and what the thread has to do while the next ones are fetched. */
const MOST_UNWRITTEN = 3;
/** Bytes that are copied at a time. */
const COPIED = 2 ** 20;

interface PartitionFiles {
  rows: FileHandle;
  quarantine: FileHandle;
}

/**
 * The messages of a batch on their way into a file: what they are is written to files for each partition, which are put together
 * in the order of the partitions. So the file is the same, byte for byte, in whatever order the broker sends.
 */
export class StagedRows {
  readonly #folder: string;
  readonly #topic: string;
  readonly #judging: Judging;
  readonly #files = new Map<number, PartitionFiles>();
  /** Ends when all that was added is written; never fails itself. */
  #written: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | undefined;
  #unwritten: Promise<void>[] = [];
  staged = 0;
  quarantined = 0;
  readonly reasons: Record<string, number> = {};

  /** `expected` is how many messages there may be. */
  constructor(folder: string, topic: string, expected: number) {
    this.#folder = folder;
    this.#topic = topic;
    this.#judging = createJudging(expected);
  }

  /**
   * Resolves when further messages are welcome, which is before these are written: so the next ones are fetched and decoded while
   * these are judged. Whether all went well is known after `settled`.
   */
  async add(partition: number, messages: readonly IncomingMessage[]): Promise<void> {
    const judged = this.#judging.judge(packMessages(partition, messages));
    this.#written = this.#writeAfter(this.#written, partition, messages, judged);
    this.#unwritten.push(this.#written);
    if (this.#unwritten.length >= MOST_UNWRITTEN) await this.#unwritten.shift();
    this.#throwFailure();
  }

  /** All that was added is written. */
  async settled(): Promise<void> {
    await this.#written;
    this.#throwFailure();
  }

  /** RFC 4180 with a header, in UTF-8. */
  async writeCsv(file: string): Promise<void> {
    await writeFile(file, `${csvLine(STAGED_COLUMNS)}\r\n`);
    for (const partition of this.#partitions()) {
      await pipeline(createReadStream(this.#path(partition, 'csv'), { highWaterMark: COPIED }), createWriteStream(file, { flags: 'a', highWaterMark: COPIED }));
    }
  }

  async *quarantineRows(): AsyncGenerator<readonly (readonly (string | null)[])[]> {
    for (const partition of this.#partitions()) {
      const lines = createInterface({ input: createReadStream(this.#path(partition, 'jsonl')), crlfDelay: Infinity });
      for await (const line of lines) yield [JSON.parse(line) as (string | null)[]];
    }
  }

  async close(): Promise<void> {
    await this.#judging.close();
    await this.#written;
    for (const { rows, quarantine } of this.#files.values()) await Promise.all([rows.close(), quarantine.close()]);
  }

  /** In the order in which they came. */
  async #writeAfter(before: Promise<void>, partition: number, messages: readonly IncomingMessage[], judged: Promise<JudgedMessages>): Promise<void> {
    try {
      const [answer] = await Promise.all([judged, before]);
      if (this.#failure === undefined) await this.#write(partition, messages, answer);
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  async #write(partition: number, messages: readonly IncomingMessage[], { csv, staged, refused }: JudgedMessages): Promise<void> {
    const files = this.#files.get(partition) ?? (await this.#openFiles(partition));
    await files.rows.appendFile(csv);
    this.staged += staged;
    if (refused.length === 0) return;
    await files.quarantine.appendFile(refused.map(({ index, ...why }) => `${JSON.stringify(quarantined(this.#topic, partition, messages[index]!, why))}\n`).join(''));
    this.quarantined += refused.length;
    for (const { reason } of refused) this.reasons[reason] = (this.reasons[reason] ?? 0) + 1;
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #openFiles(partition: number): Promise<PartitionFiles> {
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
