import { COUNTRY, EMAIL, LONGEST, MOMENT, TOO_FINE, utc, UUID, type Signup } from './signup-event.js';

type Field = keyof Signup;

/** Of several programs that write to one topic. */
const MOST_SHAPES = 4;
/** Messages that are learned from: where they were of no help, more are of none. */
const MOST_LEARNED = 1000;

const isPlain = ([name, value]: [string, unknown]): boolean => /^\w+$/.test(name) && (value === null || typeof value !== 'object');

/**
 * Takes sign-ups that are written plainly from their bytes to their line by one regular expression, in half the time of JSON.parse
 * and a line of its fields. The expression has the fields in the order of a message that was seen before, since who writes a topic
 * writes them in one order. What it does not know is for the schema.
 *
 * Messages and lines are bytes of UTF-8 as texts of one character per byte (Node's `latin1`): nothing is decoded and encoded again.
 * What JSON and CSV mark is ASCII, but for the white space at the ends of a field that is put into quotes.
 */
export class PlainSignups {
  /** The one that was right last time is the first. */
  #shapes: readonly Shape[] = [];
  #learned = 0;

  /**
   * The fields of the staged line, of a message that is UTF-8; of the same message they are those of the schema's way. `undefined`
   * where that way has to say what the message is.
   */
  lineOf(message: string): string | undefined {
    for (const shape of this.#shapes) {
      const found = shape.pattern.exec(message);
      if (found === null) continue;
      if (shape !== this.#shapes[0]) this.#shapes = [shape, ...this.#shapes.filter((other) => other !== shape)];
      return lineOf(found, shape.groups);
    }
    return undefined;
  }

  /** Expects messages with the fields of this one, in its order. */
  expectLike(event: Signup): void {
    if (this.#learned === MOST_LEARNED) return;
    this.#learned += 1;
    const names = Object.keys(event);
    const key = names.join();
    if (this.#shapes.some((shape) => shape.key === key) || !Object.entries(event).every(isPlain)) return;
    this.#shapes = [shapeOf(key, names), ...this.#shapes].slice(0, MOST_SHAPES);
  }
}

interface Shape {
  key: string;
  pattern: RegExp;
  /** The group that each field is; 0 where there is no such field. */
  groups: Readonly<Record<Field, number>>;
}

/** As most programs write JSON: without any space, or with one behind each comma and colon. */
const GAP = ' ?';
/** All but control characters, which are escaped. */
const CHARACTER = String.raw`[^"\\\x00-\x1f]`;
/** Not `\u0041`, which may be any character, or half of one. */
const ESCAPE = String.raw`\\["\\/bfnrt]`;
const TEXT = `${CHARACTER}*(?:${ESCAPE}${CHARACTER}*)*`;
const text = `"(${TEXT})"`;
const exactly = (whole: RegExp): string => `"(${inside(whole)})"`;

const VALUES: Readonly<Record<Field, string>> = {
  event_id: exactly(UUID),
  user_id: text,
  email: exactly(EMAIL),
  full_name: text,
  country: exactly(COUNTRY),
  plan: text,
  referrer: `(?:null|${text})`,
  signed_up_at: exactly(MOMENT),
};
/** Of all other fields. */
const SCALAR = String.raw`(?:"${TEXT}"|null|true|false|-?(?:0|[1-9]\d*)(?:\.\d+)?)`;

/** An expression for a whole text as a part of another one: without its anchors, and its groups keep nothing. */
function inside({ source }: RegExp): string {
  return `(?:${source.replace(/^\^/, '').replace(/\$$/, '').replaceAll(/(?<!\\)\((?!\?)/g, '(?:')})`;
}

const isOurs = (name: string): name is Field => Object.hasOwn(VALUES, name);

function shapeOf(key: string, names: readonly string[]): Shape {
  const ours = names.filter(isOurs);
  const fields = names.map((name) => `"${name}":${GAP}${isOurs(name) ? VALUES[name] : SCALAR}`);
  return {
    key,
    pattern: new RegExp(`^\\{${fields.join(`,${GAP}`)}\\}$`),
    groups: Object.fromEntries(Object.keys(VALUES).map((name) => [name, ours.indexOf(name as Field) + 1])) as Shape['groups'],
  };
}

/** Too short to be too fine. */
const USUAL_MOMENT = '2026-01-31T10:00:00.123Z'.length;

/** Bytes are at least as many as characters: whether too many bytes are too many characters is for the schema to say. */
function lineOf(found: RegExpExecArray, groups: Shape['groups']): string | undefined {
  const email = found[groups.email]!;
  const user = found[groups.user_id]!;
  const name = found[groups.full_name]!;
  const plan = found[groups.plan]!;
  const referrer = groups.referrer === 0 ? undefined : found[groups.referrer];
  if (email.length > LONGEST.email || user.length > LONGEST.user_id || user === '' || name.length > LONGEST.full_name || plan.length > LONGEST.plan || plan === '') return undefined;
  if (referrer !== undefined && referrer.length > LONGEST.referrer) return undefined;
  const moment = found[groups.signed_up_at]!;
  const at = moment.length > USUAL_MOMENT && TOO_FINE.test(moment) ? undefined : utc(moment);
  if (at === undefined) return undefined;
  return `${found[groups.event_id]!.toLowerCase()},${csvOf(user)},${email},${csvOf(name)},${found[groups.country]!},${csvOf(plan)},${referrer === undefined ? '' : csvOf(referrer)},${at}`;
}

/** Without escapes and commas, and with neither a space nor a character beyond ASCII, which may be one, at its ends. */
const EDGE = String.raw`[^"\\,\x00-\x20\x7f-\xff]`;
const BARE = new RegExp(String.raw`^${EDGE}(?:[^"\\,\x00-\x1f]*${EDGE})?$`);
/** White space, that beyond ASCII in UTF-8. */
const SPACE = String.raw`(?:[\t-\r ]|\xc2\xa0|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80|\xef\xbb\xbf)`;
const QUOTED = new RegExp(`[",\\r\\n]|^${SPACE}|${SPACE}$`);

/** As `csvLine` writes the text. */
function csvOf(value: string): string {
  if (BARE.test(value)) return value;
  if (value === '') return '""';
  const said = value.includes('\\') ? (JSON.parse(`"${value}"`) as string) : value;
  return QUOTED.test(said) ? `"${said.replaceAll('"', '""')}"` : said;
}
