/**
 * A log of messages in partitions, as Kafka is one. Every adapter passes `test/contracts/message-log.contract.ts`.
 *
 * Errors: `SOURCE_UNAVAILABLE` (retryable), `SOURCE_FORBIDDEN`, `SOURCE_MISSING` (no such topic), `SOURCE_REJECTED`,
 * `SOURCE_MALFORMED` (a batch that cannot be decompressed), `OFFSETS_EXPIRED`, `SOURCE_INCOMPLETE` (retryable: messages before
 * the bound do not come), `READER_REPLACED` (retryable: a newer reader of the group has taken over).
 */
export interface MessageLog {
  /** `kafka://host:9092`: for people, never with credentials. */
  readonly description: string;
  /** Of every partition of the topic, in their order. */
  bounds(topic: string, options: { signal: AbortSignal }): Promise<readonly PartitionBounds[]>;
  /**
   * Reads exactly the messages of the ranges, each partition in its order and the partitions side by side; messages of aborted
   * transactions do not count. Then calls `settle`, which makes durable what was read, and only when that has succeeded commits
   * the ranges' ends for the group. Returns what `settle` returns.
   */
  consume<T>(request: ConsumeRequest, consumer: MessageConsumer<T>, options: { signal: AbortSignal }): Promise<T>;
  /**
   * Sends the batches one after the other, each acknowledged by all replicas and without duplicates by the client's own retries.
   * What fails names how many were delivered before.
   */
  produce(topic: string, batches: Iterable<readonly OutgoingMessage[]>, options: ProduceOptions): Promise<{ delivered: number }>;
  /** What the group has committed: the offset of the next message, -1 where it has none. */
  committed(group: string, topic: string): Promise<readonly { partition: number; offset: number }[]>;
  /** One sentence when the log can be read; else throws. Used by `millrace connections check`. */
  check(): Promise<string>;
  close(): Promise<void>;
}

export interface PartitionBounds {
  partition: number;
  /** Of the oldest message that is still there. */
  low: number;
  /** Of the next message to come. */
  end: number;
}

/** Half-open: `from` is read, `to` is not. */
export interface OffsetRange {
  partition: number;
  from: number;
  to: number;
}

export interface ConsumeRequest {
  topic: string;
  group: string;
  ranges: readonly OffsetRange[];
  /** Of two readers of a group the one with the higher number reads on, and the other one fails. */
  reader: number;
}

export interface MessageConsumer<T> {
  onMessages(partition: number, messages: readonly IncomingMessage[]): Promise<void> | void;
  settle(): Promise<T>;
}

/** Offset, and milliseconds since the epoch, as the decimal text that clients of Kafka give. */
export interface IncomingMessage {
  offset: string;
  timestamp: string;
  key: Buffer | null;
  /** Null is a tombstone: the key was deleted. */
  value: Buffer | null;
  headers?: Readonly<Record<string, HeaderValue>>;
}

export type HeaderValue = Buffer | string | (Buffer | string)[] | undefined;

export interface OutgoingMessage {
  key: string;
  value: Buffer | string | null;
  headers?: Record<string, string>;
}

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

export interface ProduceOptions {
  signal: AbortSignal;
  /** Default `gzip`. */
  compression?: Compression;
  /** After every batch, with the messages delivered so far. */
  onDelivered?: (delivered: number) => void;
}
