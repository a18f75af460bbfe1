import { isUtf8 } from 'node:buffer';
import { z } from 'zod';

/** Columns of the staged CSV file, in its order. */
export const STAGED_COLUMNS = ['event_id', 'user_id', 'email', 'full_name', 'country', 'plan', 'referrer', 'signed_up_at', 'topic_partition', 'topic_offset'] as const;

/** NUL, which no warehouse but DuckDB stores, and halves of characters, which no file in UTF-8 holds. */
const storable = (value: string): boolean => value.isWellFormed() && !value.includes('\0');
const textOf = (most: number) => z.string().max(most).refine(storable);
const required = (most: number) => textOf(most).min(1);

/** Characters that a field may have. */
export const LONGEST = { user_id: 200, email: 320, full_name: 1000, plan: 50, referrer: 2000 } as const;
export const COUNTRY = /^[A-Z]{2}$/;
/** Six digits are what timestamps of warehouses hold. */
export const TOO_FINE = /\.\d{7}/;

/** Further fields are of no interest to this pipeline: whoever writes the topic may add some. */
export const signupSchema = z.object({
  event_id: z.uuid(),
  user_id: required(LONGEST.user_id),
  email: z.email().max(LONGEST.email),
  full_name: textOf(LONGEST.full_name),
  country: z.string().regex(COUNTRY),
  plan: required(LONGEST.plan),
  referrer: textOf(LONGEST.referrer).nullish(),
  signed_up_at: z.iso.datetime({ offset: true }).refine((value) => !TOO_FINE.test(value)),
});

export type Signup = z.infer<typeof signupSchema>;

export const UUID = z.regexes.uuid();
export const EMAIL = z.regexes.email;
export const MOMENT = z.regexes.datetime({ offset: true });

/**
 * True only of what the schema takes, too, at a quarter of its price, which for a million messages is a second. Of all else, such as
 * long texts beyond the basic plane, whose characters it does not count, the schema says what it is.
 */
export function isPlainSignup(event: Record<string, unknown>): event is Signup {
  const { event_id: id, email, country, referrer, signed_up_at: at } = event;
  return (
    typeof id === 'string' &&
    UUID.test(id) &&
    isText(event['user_id'], 1, LONGEST.user_id) &&
    isText(email, 1, LONGEST.email) &&
    EMAIL.test(email) &&
    isText(event['full_name'], 0, LONGEST.full_name) &&
    typeof country === 'string' &&
    COUNTRY.test(country) &&
    isText(event['plan'], 1, LONGEST.plan) &&
    (referrer === null || referrer === undefined || isText(referrer, 0, LONGEST.referrer)) &&
    typeof at === 'string' &&
    MOMENT.test(at) &&
    !TOO_FINE.test(at)
  );
}

function isText(value: unknown, least: number, most: number): value is string {
  return typeof value === 'string' && value.length >= least && value.length <= most && storable(value);
}

/** A message as what it says and as a row of the staged file, without its position; or why it is none. */
export type Judged = { row: (string | null)[]; signup: Signup } | Refusal;

export interface Refusal {
  reason: string;
  detail: string;
}

/**
 * What a message of the topic is. Reasons: `no_value` (a tombstone), `empty`, `not_utf8`, `not_json`, `not_an_object`,
 * `missing_<field>`, `bad_<field>`. Details name fields and never repeat their values.
 */
export function judgeSignup(value: Buffer | null): Judged {
  if (value === null) return { reason: 'no_value', detail: 'a tombstone: the message has a key and no value' };
  if (value.length === 0) return { reason: 'empty', detail: 'the message has no bytes' };
  const text = value.toString('utf8');
  // What is no UTF-8 has become this character, which a text may hold as well.
  if (text.includes('\uFFFD') && !isUtf8(value)) return { reason: 'not_utf8', detail: 'the bytes are no text in UTF-8' };
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    return { reason: 'not_json', detail: 'the text is no JSON' };
  }
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return { reason: 'not_an_object', detail: 'the JSON is no object' };
  const fields = event as Record<string, unknown>;
  if (isPlainSignup(fields)) return rowOf(fields);
  const judged = signupSchema.safeParse(fields);
  return judged.success ? rowOf(judged.data) : refused(fields, judged.error.issues[0]);
}

function rowOf(signup: Signup): Judged {
  const { event_id: id, user_id: user, email, full_name: name, country, plan, referrer, signed_up_at: at } = signup;
  const moment = utc(at);
  if (moment === undefined) return { reason: 'bad_signed_up_at', detail: 'signed_up_at: has to be in the years 1 to 9999 of UTC' };
  return { row: [id.toLowerCase(), user, email, name, country, plan, referrer ?? null, moment], signup };
}

function refused(event: Record<string, unknown>, issue: z.core.$ZodIssue | undefined): Refusal {
  const field = String(issue?.path[0] ?? 'event');
  return event[field] === undefined ? { reason: `missing_${field}`, detail: `${field} is missing` } : { reason: `bad_${field}`, detail: `${field}: ${issue?.message ?? 'is not as expected'}` };
}

/** To UTC, with the digits behind the second as they are; `undefined` outside of the years that warehouses know. */
export function utc(at: string): string | undefined {
  let moment = at;
  if (at.endsWith('+00:00')) moment = `${at.slice(0, -6)}Z`;
  else if (!at.endsWith('Z')) {
    const fraction = /\.\d+/.exec(at)?.[0] ?? '';
    // Years beyond four digits begin with a sign.
    moment = `${new Date(at.replace(fraction, '')).toISOString().slice(0, -5)}${fraction}Z`;
  }
  return moment.indexOf('-', 1) === 4 && !moment.startsWith('0000') ? moment : undefined;
}
