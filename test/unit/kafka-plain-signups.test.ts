import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlainSignups } from '../../activities/kafka-signups/plain-signups.js';
import { judgeSignup, type Signup } from '../../activities/kafka-signups/signup-event.js';
import { csvLine } from '../../src/csv/csv-lines.js';
import { GOOD_SIGNUP as GOOD, nearlySignup } from '../support/nearly-signups.js';

/** `undefined` is: the schema has to say. */
function plainLine(plain: PlainSignups, message: string): string | undefined {
  const line = plain.lineOf(Buffer.from(message).toString('latin1'));
  return line === undefined ? undefined : Buffer.from(line, 'latin1').toString('utf8');
}

function schemasLine(message: string): string | undefined {
  const judged = judgeSignup(Buffer.from(message));
  return 'row' in judged ? csvLine(judged.row) : undefined;
}

function knowing(...events: Signup[]): PlainSignups {
  const plain = new PlainSignups();
  for (const event of events) plain.expectLike(event);
  return plain;
}

const lineOf = (message: string, ...like: Signup[]): string | undefined => plainLine(knowing(...(like.length > 0 ? like : [GOOD])), message);

describe('a sign-up that is written plainly', () => {
  it('has the line that the schema’s way gives, in whatever order and with whatever space it is written', () => {
    // Texts as they are in the world, and at their ends what may be white space, or half of it in UTF-8.
    const texts = fc.oneof(fc.string({ unit: 'grapheme', minLength: 1 }), { weight: 3, arbitrary: fc.stringMatching(/^[ ,"\\\n\t\f\r/àŠ\u00a0\u0085\u1680\u2000\u2003\u200b\u2028\u202f\u205f\u3000\ufeffa]{1,6}$/) });
    const event = fc.oneof(nearlySignup, fc.record({ ...constants(GOOD), user_id: texts, full_name: texts, plan: texts, referrer: fc.option(texts) }));
    const more = fc.dictionary(fc.constantFrom('a', 'b_2', 'event', '__proto__'), fc.oneof(texts, fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null)));
    const space = fc.oneof({ weight: 9, arbitrary: fc.constantFrom('', ' ') }, fc.constantFrom('\n', '\t', '\v', '\u00a0'));
    const message = fc
      .tuple(event, more)
      .chain(([fields, others]) => {
        const entries = Object.entries({ ...fields, ...others });
        return fc.tuple(fc.shuffledSubarray(entries, { minLength: entries.length }), space, space);
      })
      .map(([fields, afterColon, afterComma]) => {
        const members = fields.filter(([, value]) => JSON.stringify(value) !== undefined).map(([name, value]) => `"${name}":${afterColon}${JSON.stringify(value)}`);
        return { like: Object.fromEntries(fields) as Signup, text: `{${members.join(`,${afterComma}`)}}` };
      });
    let [plainly, otherwise] = [0, 0];
    fc.assert(
      fc.property(message, ({ like, text }) => {
        const line = lineOf(text, like);
        if (line === undefined) otherwise += 1;
        else plainly += 1;
        return line === undefined || line === schemasLine(text);
      }),
      { numRuns: 2000, seed: 3 },
    );
    // What was generated has tried both.
    expect([plainly > 250, otherwise > 500]).toEqual([true, true]);
  });

  it.each([
    ['quotes and commas', { ...GOOD, full_name: 'O’Brien, "Conan"' }, '"O’Brien, ""Conan"""'],
    ['a line end', { ...GOOD, full_name: 'Two\nLines' }, '"Two\nLines"'],
    ['a backslash', { ...GOOD, full_name: 'a\\b' }, 'a\\b'],
    ['spaces at its ends', { ...GOOD, full_name: ' Ada ' }, '" Ada "'],
    ['a byte order mark', { ...GOOD, full_name: '\uFEFFAda' }, '"\uFEFFAda"'],
    ['a wide space', { ...GOOD, full_name: '山田\u3000' }, '"山田\u3000"'],
    ['a letter that ends like a space in UTF-8', { ...GOOD, full_name: 'voilà' }, 'voilà'],
    ['nothing', { ...GOOD, full_name: '' }, '""'],
  ])('keeps a name with %s', (_, event, name) => {
    expect(lineOf(JSON.stringify(event))).toBe(`3f2504e0-4f89-41d3-9a0c-0305e82c3301,u-1,ada@example.com,${name},GB,free,friend,2026-01-31T10:00:00Z`);
  });

  it('may have no referrer, or null for one, and fields that nobody asked for', () => {
    const { referrer: _, ...without } = GOOD;
    const expected = expect.stringMatching(/,free,,2026-01-31T10:00:00Z$/) as string;
    expect(lineOf(JSON.stringify({ ...GOOD, referrer: null }))).toEqual(expected);
    expect(lineOf(JSON.stringify(without), without)).toEqual(expected);
    const more = { version: -1.5, ...without, test: true, campaign: null };
    expect(lineOf(JSON.stringify(more).replaceAll('":', '": ').replaceAll(',"', ', "'), more)).toEqual(expected);
  });

  it('may come from several programs, each with an order of its own', () => {
    const orders = [GOOD, reversed(GOOD), { source: 'web', ...GOOD }, { ...GOOD, source: 'app' }];
    const plain = knowing(...orders);
    for (const order of [...orders, ...orders.toReversed()]) expect(plainLine(plain, JSON.stringify(order))).toBe(schemasLine(JSON.stringify(GOOD)));
  });
});

describe('the schema has to say what a message is', () => {
  const text = JSON.stringify(GOOD);

  it.each([
    ['has an order that was not seen', JSON.stringify(reversed(GOOD))],
    ['names a field twice', text.replace('}', ',"plan":"pro"}')],
    ['has a character by its number', text.replace('Ada Lovelace', 'Ada \\u0041')],
    ['has half of a character', text.replace('Ada Lovelace', '\\ud83d')],
    ['has a control character', text.replace('Ada Lovelace', 'Ada\tLovelace')],
    ['has space that JSON does not know', text.replace('{', '{\v')],
    ['is printed over several lines', JSON.stringify(GOOD, null, 2)],
    ['is cut off', text.slice(0, -1)],
    ['goes on behind its end', `${text}x`],
    ['has a time that is too fine', text.replace('10:00:00Z', '10:00:00.1234567Z')],
    ['has a time in the year 0', text.replace('2026-', '0000-')],
    ['has no user', text.replace('u-1', '')],
    ['has a name that may be too long', text.replace('Ada Lovelace', 'é'.repeat(501))],
    ['has no JSON', ''],
  ])('that %s', (_, message) => {
    expect(lineOf(message)).toBeUndefined();
  });

  it('where nothing was learned, because fields hold more than texts and numbers, or have names beyond the plain ones', () => {
    for (const event of [{ ...GOOD, address: { city: 'Bath' } }, { ...GOOD, 'a"b': 1 }]) expect(lineOf(JSON.stringify(event), event)).toBeUndefined();
  });
});

function reversed<T extends object>(event: T): T {
  return Object.fromEntries(Object.entries(event).toReversed()) as T;
}

function constants<T extends Record<string, string>>(values: T): { [K in keyof T]: fc.Arbitrary<string> } {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, fc.constant(value)])) as { [K in keyof T]: fc.Arbitrary<string> };
}
