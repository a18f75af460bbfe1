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

/** A text that is put together from many pieces becomes bytes while they are still in the processor's cache. */
const LINES_CHARACTERS = 4096;

/**
 * Writes what each of the messages is, in their order: a line of the staged file, or a row of the quarantine. Lines are written where
 * they are made, since to hand them over costs as much. What was learned of earlier messages makes it faster, and changes no line.
 */
export function createMessageJudge(): MessageJudge {
  const plain = new PlainSignups();
  const rows = new ByteTexts();

  const bySchema = (value: Buffer | null): string | Refusal => {
    const judged = judgeSignup(value);
    if ('reason' in judged) return judged;
    plain.expectLike(judged.signup);
    return Buffer.from(csvLine(judged.row)).toString('latin1');
  };

  return (messages, files) => {
    const { offsets, keys, values } = messages;
    const place = `,${messages.partition},`;
    const bytes = bufferOf(values.bytes);
    // What is plain begins and ends with ASCII: no character of one message reaches into the next.
    const allUtf8 = isUtf8(bytes);
    const reasons: Record<string, number> = {};
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
        lines += `${judged}${place}${offsets[index]!}\r\n`;
        if (lines.length < LINES_CHARACTERS) continue;
        rows.append(lines);
        lines = '';
      } else {
        const key = keys.lengths[index]! < 0 ? null : bufferOf(keys.bytes).subarray(keyFrom, keysEnd);
        reasons[judged.reason] = (reasons[judged.reason] ?? 0) + 1;
        refused += `${JSON.stringify(quarantineRow(messages, index, key, value, judged))}\n`;
      }
    }
    rows.append(lines);
    appendFileSync(files.rows, rows.takeAll());
    if (refused !== '') appendFileSync(files.quarantine, refused);
    return { staged, reasons };
  };
}

function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

/** Bytes from texts that have one character for each; the memory is used again for every batch. */
class ByteTexts {
  #memory = Buffer.allocUnsafe(2 ** 16);
  #length = 0;

  append(text: string): void {
    if (this.#length + text.length > this.#memory.length) {
      const larger = Buffer.allocUnsafe(2 * (this.#length + text.length));
      this.#memory.copy(larger, 0, 0, this.#length);
      this.#memory = larger;
    }
    this.#length += this.#memory.write(text, this.#length, 'latin1');
  }

  /** Valid until the next text is appended. */
  takeAll(): Buffer {
    const all = this.#memory.subarray(0, this.#length);
    this.#length = 0;
    return all;
  }
}
