import { isUtf8 } from 'node:buffer';
import { z } from 'zod';

/** Columns of the staged CSV file, in its order. */
export const STAGED_COLUMNS = ['event_id', 'user_id', 'email', 'full_name', 'country', 'plan', 'referrer', 'signed_up_at', 'topic_partition', 'topic_offset'] as const;

/** NUL, which no warehouse but DuckDB stores, and halves of characters, which no file in UTF-8 holds. */
const text = (most: number) => z.string().max(most).refine((value) => !/[\0\p{Cs}]/u.test(value));
const required = (most: number) => text(most).min(1);

/** Further fields are of no interest to this pipeline: whoever writes the topic may add some. */
const signup = z.object({
  event_id: z.uuid().max(36),
  user_id: required(200),
  email: z.email().max(320),
  full_name: text(1000),
  country: z.string().regex(/^[A-Z]{2}$/),
  plan: required(50),
  referrer: text(2000).nullish(),
  // Six digits are what timestamps of warehouses hold.
  signed_up_at: z.iso.datetime({ offset: true }).refine((value) => !/\.\d{7}/.test(value)),
});

/** A message as a row of the staged file, without its position; or why it is none. */
export type Judged = { row: (string | null)[] } | { reason: string; detail: string };

/**
 * What a message of the topic is. Reasons: `no_value` (a tombstone), `empty`, `not_utf8`, `not_json`, `not_an_object`,
 * `missing_<field>`, `bad_<field>`. Details name fields and never repeat their values.
 */
export function judgeSignup(value: Buffer | null): Judged {
  if (value === null) return { reason: 'no_value', detail: 'a tombstone: the message has a key and no value' };
  if (value.length === 0) return { reason: 'empty', detail: 'the message has no bytes' };
  if (!isUtf8(value)) return { reason: 'not_utf8', detail: 'the bytes are no text in UTF-8' };
  let event: unknown;
  try {
    event = JSON.parse(value.toString('utf8'));
  } catch {
    return { reason: 'not_json', detail: 'the text is no JSON' };
  }
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return { reason: 'not_an_object', detail: 'the JSON is no object' };
  const judged = signup.safeParse(event);
  if (!judged.success) return refused(event as Record<string, unknown>, judged.error.issues[0]);
  const { event_id: id, user_id: user, email, full_name: name, country, plan, referrer, signed_up_at: at } = judged.data;
  return { row: [id.toLowerCase(), user, email, name, country, plan, referrer ?? null, utc(at)] };
}

function refused(event: Record<string, unknown>, issue: z.core.$ZodIssue | undefined): Judged {
  const field = String(issue?.path[0] ?? 'event');
  return event[field] === undefined ? { reason: `missing_${field}`, detail: `${field} is missing` } : { reason: `bad_${field}`, detail: `${field}: ${issue?.message ?? 'is not as expected'}` };
}

/** To UTC, with the digits behind the second as they are. */
function utc(at: string): string {
  const fraction = /\.\d+/.exec(at)?.[0] ?? '';
  return `${new Date(at.replace(fraction, '')).toISOString().slice(0, 19)}${fraction}Z`;
}
