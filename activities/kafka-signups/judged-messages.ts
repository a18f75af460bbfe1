import { isUtf8 } from 'node:buffer';
import { csvLine } from '../../src/csv/csv-lines.js';
import type { IncomingMessage } from '../../src/kafka/message-log.js';
import { PlainSignups } from './plain-signups.js';
import { judgeSignup, type Refusal } from './signup-event.js';

/** Messages of one partition, in few large pieces: so they go to another thread at little cost. */
export interface PackedMessages {
  partition: number;
  /** The values, one behind the other. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of each value; -1 for a tombstone. */
  lengths: Int32Array;
  /** Exact: a topic has fewer than 2^53 messages. */
  offsets: Float64Array;
}

export interface JudgedMessages {
  /** Lines of the staged file, in the order of the messages. */
  csv: Uint8Array;
  staged: number;
  /** `index` counts the messages from 0. */
  refused: (Refusal & { index: number })[];
}

export function packMessages(partition: number, messages: readonly IncomingMessage[]): PackedMessages {
  const lengths = new Int32Array(messages.length);
  const offsets = new Float64Array(messages.length);
  let size = 0;
  for (let index = 0; index < messages.length; index += 1) {
    const { value, offset } = messages[index]!;
    lengths[index] = value === null ? -1 : value.length;
    offsets[index] = Number(offset);
    if (value !== null) size += value.length;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const { value } of messages) {
    if (value === null) continue;
    bytes.set(value, at);
    at += value.length;
  }
  return { partition, bytes, lengths, offsets };
}

/** A text that is put together from many pieces is encoded while they are still in the processor's cache. */
const ENCODED_CHARACTERS = 4096;

/**
 * What each of the messages is: a line of the staged file, or refused for a reason. What was learned of the messages before makes it
 * faster, and changes no line.
 */
export function createMessageJudge(): (messages: PackedMessages) => JudgedMessages {
  const plain = new PlainSignups();

  /** The bytes of a line's fields, one character each. */
  const judgeOne = (value: Buffer | null): string | Refusal => {
    const line = value !== null && isUtf8(value) ? plain.lineOf(value.toString('latin1')) : undefined;
    if (line !== undefined) return line;
    const judged = judgeSignup(value);
    if ('reason' in judged) return judged;
    plain.expectLike(judged.signup);
    return Buffer.from(csvLine(judged.row)).toString('latin1');
  };

  return ({ partition, bytes, lengths, offsets }) => {
    const values = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const refused: JudgedMessages['refused'] = [];
    const encoded: Buffer[] = [];
    let lines = '';
    let at = 0;
    for (let index = 0; index < lengths.length; index += 1) {
      const length = lengths[index]!;
      const judged = judgeOne(length < 0 ? null : values.subarray(at, at + length));
      if (length > 0) at += length;
      if (typeof judged === 'string') lines += `${judged},${partition},${offsets[index]!}\r\n`;
      else refused.push({ index, ...judged });
      if (lines.length < ENCODED_CHARACTERS) continue;
      encoded.push(Buffer.from(lines, 'latin1'));
      lines = '';
    }
    return { csv: Buffer.concat([...encoded, Buffer.from(lines, 'latin1')]), staged: lengths.length - refused.length, refused };
  };
}
