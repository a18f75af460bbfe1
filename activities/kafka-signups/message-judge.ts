import { isUtf8 } from 'node:buffer';
import { appendFileSync } from 'node:fs';
import { csvLine } from '../../src/csv/csv-lines.js';
import type { PackedMessages } from './packed-messages.js';
import { PlainSignups } from './plain-signups.js';
import { quarantineRow } from './quarantine-row.js';
import { judgeSignup, type Refusal } from './signup-event.js';

/** Open files that lines are appended to: CSV of what is a sign-up, and one JSON list for each of the others. */
export interface PartitionFiles {
  rows: number;
  quarantine: number;
}

/** staged + quarantined = judged. */
export interface JudgedMessages {
  staged: number;
  /** Quarantined messages by reason. */
  reasons: Record<string, number>;
}

export type MessageJudge = (messages: PackedMessages, files: PartitionFiles) => JudgedMessages;

/** A text that is put together from many pieces is encoded while they are still in the processor's cache. */
const ENCODED_CHARACTERS = 4096;

/**
 * Writes what each of the messages is, in their order: a line of the staged file, or a row of the quarantine. Lines are written where
 * they are made, since to hand them over costs as much. What was learned of earlier messages makes it faster, and changes no line.
 */
export function createMessageJudge(): MessageJudge {
  const plain = new PlainSignups();

  const bySchema = (value: Buffer | null): string | Refusal => {
    const judged = judgeSignup(value);
    if ('reason' in judged) return judged;
    plain.expectLike(judged.signup);
    return Buffer.from(csvLine(judged.row)).toString('latin1');
  };

  return (messages, files) => {
    const { partition, offsets, keys, values } = messages;
    const bytes = bufferOf(values.bytes);
    // What is plain begins and ends with ASCII: no character of one message reaches into the next.
    const allUtf8 = isUtf8(bytes);
    const reasons: Record<string, number> = {};
    const encoded: Buffer[] = [];
    let [refused, staged, end, keysEnd] = ['', 0, 0, 0];
    /** Bytes, one character each. */
    let lines = '';
    for (let index = 0; index < offsets.length; index += 1) {
      const [from, keyFrom] = [end, keysEnd];
      end += Math.max(0, values.lengths[index]!);
      keysEnd += Math.max(0, keys.lengths[index]!);
      const line = allUtf8 || isUtf8(bytes.subarray(from, end)) ? plain.lineOf(bytes.toString('latin1', from, end)) : undefined;
      const value = line === undefined && values.lengths[index]! >= 0 ? bytes.subarray(from, end) : null;
      const judged = line ?? bySchema(value);
      if (typeof judged === 'string') {
        staged += 1;
        lines += `${judged},${partition},${offsets[index]!}\r\n`;
        if (lines.length < ENCODED_CHARACTERS) continue;
        encoded.push(Buffer.from(lines, 'latin1'));
        lines = '';
      } else {
        const key = keys.lengths[index]! < 0 ? null : bufferOf(keys.bytes).subarray(keyFrom, keysEnd);
        reasons[judged.reason] = (reasons[judged.reason] ?? 0) + 1;
        refused += `${JSON.stringify(quarantineRow(messages, index, key, value, judged))}\n`;
      }
    }
    appendFileSync(files.rows, Buffer.concat([...encoded, Buffer.from(lines, 'latin1')]));
    if (refused !== '') appendFileSync(files.quarantine, refused);
    return { staged, reasons };
  };
}

function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
