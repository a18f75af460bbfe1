import type { PackedMessages } from './packed-messages.js';
import type { Refusal } from './signup-event.js';

/** Of a quarantined message; `row` is what `millrace quarantine` shows. */
export const QUARANTINE_COLUMNS = ['source', 'reason', 'detail', 'topic_partition', 'topic_offset', 'sent_at', 'message_key', 'headers', 'raw_base64', 'row'] as const;

/** Characters of a malformed message that are shown; all of its bytes are in `raw_base64`. */
const SHOWN = 500;

/** The row of one of the messages. */
export function quarantineRow({ topic, partition, offsets, timestamps, headers }: PackedMessages, index: number, key: Buffer | null, value: Buffer | null, { reason, detail }: Refusal): (string | null)[] {
  const offset = offsets[index]!;
  const shown = { partition, offset, value: value?.toString('utf8').slice(0, SHOWN) ?? null };
  return [topic, reason, detail, String(partition), String(offset), sentAt(timestamps[index]!), key?.toString('utf8') ?? null, headers?.[index] ?? '{}', value?.toString('base64') ?? null, JSON.stringify(shown)];
}

/** -1 where the producer gave no time. */
function sentAt(at: number): string | null {
  return at >= 0 && at <= 8.64e15 ? new Date(at).toISOString() : null;
}
