import { MillraceError } from '../errors.js';
import type { IncomingMessage, OffsetRange } from './message-log.js';

/** How far each range has been read. */
export class RangeProgress {
  readonly #ranges: ReadonlyMap<number, OffsetRange>;
  readonly #positions = new Map<number, number>();
  /** Where the newest batch of each partition began: it is fetched again when its end could not be told. */
  readonly #begun = new Map<number, number>();
  readonly #topic: string;

  constructor(topic: string, ranges: readonly OffsetRange[]) {
    this.#topic = topic;
    this.#ranges = new Map(ranges.filter(({ from, to }) => from < to).map((range) => [range.partition, range]));
    for (const { partition, from } of this.#ranges.values()) this.#positions.set(partition, from);
  }

  get partitions(): number[] {
    return [...this.#ranges.keys()];
  }

  get finished(): boolean {
    return this.partitions.every((partition) => this.isFinished(partition));
  }

  isFinished(partition: number): boolean {
    const range = this.#ranges.get(partition);
    return range === undefined || this.position(partition) >= range.to;
  }

  position(partition: number): number {
    return this.#positions.get(partition) ?? 0;
  }

  advance(partition: number, next: number): void {
    if (next > this.position(partition)) this.#positions.set(partition, next);
  }

  handedOut(partition: number, messages: readonly IncomingMessage[]): void {
    const last = messages.at(-1);
    if (last !== undefined) this.advance(partition, Number(last.offset) + 1);
  }

  /** Those of the messages that are inside the range and have not been read; kafkajs gives whole batches of the broker's. */
  unread(partition: number, messages: readonly IncomingMessage[]): readonly IncomingMessage[] {
    const to = this.#ranges.get(partition)?.to ?? 0;
    const from = this.position(partition);
    const [first, last] = [messages[0], messages.at(-1)];
    if (first === undefined || last === undefined) return [];
    if (Number(first.offset) >= from && Number(last.offset) < to) return messages;
    return messages.filter(({ offset }) => Number(offset) >= from && Number(offset) < to);
  }

  /** A broker that no longer has the offset sends the client somewhere else: never followed in silence. */
  assertAsked(partition: number, asked: number): void {
    const isAgain = asked === this.#begun.get(partition);
    this.#begun.set(partition, asked);
    if (isAgain || asked === this.position(partition)) return;
    throw expired(this.#topic, partition, this.position(partition), `The broker has sent the reader to ${asked}.`);
  }

  describe(): string {
    const open = this.partitions.filter((partition) => !this.isFinished(partition));
    return open.map((partition) => `partition ${partition} at ${this.position(partition)} of ${this.#ranges.get(partition)?.to}`).join(', ');
  }
}

/** Messages that retention has deleted before they were read. */
export function expired(topic: string, partition: number, wanted: number, facts: string): MillraceError {
  return new MillraceError(
    'OFFSETS_EXPIRED',
    `Offset ${wanted} of ${topic}, partition ${partition}, is not there any more: messages were deleted before they were read, or the topic was made anew. ${facts} ` +
      'Nothing was skipped. Decide what is lost, and say where to go on (docs/kafka.md, "Expired offsets").',
    { details: { topic, partition, wanted } },
  );
}
