import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { csvLine } from '../../src/csv/csv-lines.js';
import type { IncomingMessage } from '../../src/kafka/message-log.js';
import { createJudging, type Judging } from './judging.js';
import type { JudgedMessages, PartitionFiles } from './message-judge.js';
import { STAGED_COLUMNS } from './signup-event.js';

/** One that is judged, and what the thread has to do while the next ones are fetched. */
const MOST_UNWRITTEN = 5;
const HEADER = `${csvLine(STAGED_COLUMNS)}\r\n`;
/** Bytes that are copied at a time. */
const COPIED = 2 ** 20;

type OpenFiles = Readonly<Record<keyof PartitionFiles, FileHandle>>;

/**
 * The messages of a batch on their way into a file: what they are is written to files for each partition, which are put together
 * in the order of the partitions. So the file is the same, byte for byte, in whatever order the broker sends.
 */
export class StagedRows {
  readonly #folder: string;
  readonly #judging: Judging;
  readonly #files = new Map<number, OpenFiles>();
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
    this.#judging = createJudging(topic, expected);
  }

  /**
   * Resolves when further messages are welcome, which is before these are written: so the next ones are fetched and decoded while
   * these are judged. Whether all went well is known after `settled`.
   */
  async add(partition: number, messages: readonly IncomingMessage[]): Promise<void> {
    const { rows, quarantine } = this.#files.get(partition) ?? (await this.#openFiles(partition));
    this.#written = this.#countAfter(this.#written, this.#judging.judge(partition, messages, { rows: rows.fd, quarantine: quarantine.fd }));
    this.#unwritten.push(this.#written);
    if (this.#unwritten.length >= MOST_UNWRITTEN) await this.#unwritten.shift();
    this.#throwFailure();
  }

  /** All that was added is written. */
  async settled(): Promise<void> {
    await this.#written;
    this.#throwFailure();
  }

  /** RFC 4180 with a header, in UTF-8. The file of the first partition becomes it. */
  async writeCsv(file: string): Promise<void> {
    const [first, ...others] = this.#partitions().map((partition) => this.#path(partition, 'csv'));
    if (first === undefined) return writeFile(file, HEADER);
    await rename(first, file);
    for (const other of others) {
      await pipeline(createReadStream(other, { start: HEADER.length, highWaterMark: COPIED }), createWriteStream(file, { flags: 'a', highWaterMark: COPIED }));
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

  async #countAfter(before: Promise<void>, judged: Promise<JudgedMessages>): Promise<void> {
    try {
      const [{ staged, reasons }] = await Promise.all([judged, before]);
      this.staged += staged;
      for (const [reason, count] of Object.entries(reasons)) {
        this.quarantined += count;
        this.reasons[reason] = (this.reasons[reason] ?? 0) + count;
      }
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #openFiles(partition: number): Promise<OpenFiles> {
    const files = { rows: await open(this.#path(partition, 'csv'), 'a'), quarantine: await open(this.#path(partition, 'jsonl'), 'a') };
    this.#files.set(partition, files);
    await files.rows.appendFile(HEADER);
    return files;
  }

  #partitions(): number[] {
    return [...this.#files.keys()].toSorted((a, b) => a - b);
  }

  #path(partition: number, kind: string): string {
    return join(this.#folder, `partition-${partition}.${kind}`);
  }
}
