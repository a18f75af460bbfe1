import type { HeaderValue, IncomingMessage } from '../../src/kafka/message-log.js';

/** Messages of one partition in few large pieces: so they go to another thread at little cost, and what kafkajs has made of them is garbage at once. */
export interface PackedMessages {
  topic: string;
  partition: number;
  /** Exact, as a topic has fewer than 2^53 messages. */
  offsets: Float64Array;
  /** Milliseconds since the epoch; -1 where the producer gave none. */
  timestamps: Float64Array;
  keys: PackedBytes;
  values: PackedBytes;
  /** JSON of each message's headers as texts; absent where no message has any. */
  headers?: string[];
}

interface PackedBytes {
  /** One behind the other. */
  bytes: Uint8Array;
  /** Bytes of each; -1 for null. */
  lengths: Int32Array;
}

/** `memoryOf` gives memory of at least so many bytes. */
export function packMessages(topic: string, partition: number, messages: readonly IncomingMessage[], memoryOf: (bytes: number) => ArrayBufferLike): PackedMessages {
  const offsets = new Float64Array(messages.length);
  const timestamps = new Float64Array(messages.length);
  let anyHeaders = false;
  for (let index = 0; index < messages.length; index += 1) {
    const { offset, timestamp, headers } = messages[index]!;
    offsets[index] = Number(offset);
    timestamps[index] = Number(timestamp);
    for (const _ in headers) anyHeaders = true;
  }
  return {
    topic,
    partition,
    offsets,
    timestamps,
    keys: pack(messages, 'key', memoryOf),
    values: pack(messages, 'value', memoryOf),
    ...(anyHeaders ? { headers: messages.map(({ headers }) => JSON.stringify(headersAsText(headers))) } : {}),
  };
}

function headersAsText(headers: Readonly<Record<string, HeaderValue>> = {}): Record<string, string | string[] | undefined> {
  const text = (value: Buffer | string): string => value.toString();
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.map(text) : value === undefined ? undefined : text(value)]));
}

function pack(messages: readonly IncomingMessage[], part: 'key' | 'value', memoryOf: (bytes: number) => ArrayBufferLike): PackedBytes {
  const lengths = new Int32Array(messages.length);
  let size = 0;
  for (let index = 0; index < messages.length; index += 1) {
    const length = messages[index]![part]?.length ?? -1;
    lengths[index] = length;
    if (length > 0) size += length;
  }
  const bytes = new Uint8Array(memoryOf(size), 0, size);
  let at = 0;
  for (const message of messages) {
    const piece = message[part];
    if (piece === null) continue;
    bytes.set(piece, at);
    at += piece.length;
  }
  return { bytes, lengths };
}
