import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPlainSignup, judgeSignup, signupSchema } from '../../activities/kafka-signups/signup-event.js';
import { GOOD_SIGNUP as GOOD, nearlySignup } from '../support/nearly-signups.js';

const judge = (event: unknown) => judgeSignup(Buffer.from(typeof event === 'string' ? event : JSON.stringify(event)));

describe('judging a message', () => {
  it('takes the short way only with what the schema takes, too, as it is', () => {
    let [short, long, refused] = [0, 0, 0];
    fc.assert(
      fc.property(nearlySignup, (generated) => {
        const schema = signupSchema.safeParse(generated);
        const plain = isPlainSignup(generated);
        if (plain) short += 1;
        else if (schema.success) long += 1;
        else refused += 1;
        return !plain || (schema.success && isDeepStrictEqual(schema.data, { ...generated }));
      }),
      { numRuns: 3000, seed: 1 },
    );
    // What was generated has tried all three.
    expect([short > 100, long > 0, refused > 100]).toEqual([true, true, true]);
  });

  it('counts characters, and not their halves', () => {
    expect(judge({ ...GOOD, full_name: '🚀'.repeat(1000) })).toHaveProperty('row');
    expect(judge({ ...GOOD, full_name: '🚀'.repeat(1001) })).toMatchObject({ reason: 'bad_full_name' });
  });

  it('never throws, whatever the bytes are, and names the reason', () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)), fc.json().map((text) => Buffer.from(text)), nearlySignup.map((generated) => Buffer.from(JSON.stringify(generated))));
    const reasons = fc.sample(bytes, { numRuns: 2000, seed: 2 }).map((value) => {
      const judged = judgeSignup(value);
      return 'row' in judged ? 'none' : judged.reason;
    });
    const known = /^(none|empty|not_utf8|not_json|not_an_object|(missing|bad)_(event_id|user_id|email|full_name|country|plan|referrer|signed_up_at))$/;
    expect(reasons.filter((reason) => !known.test(reason))).toEqual([]);
    expect(new Set(reasons).size).toBeGreaterThan(12);
  });

  it.each([
    ['2026-01-31T10:00:00Z', '2026-01-31T10:00:00Z'],
    ['2026-01-31T10:00:00.120Z', '2026-01-31T10:00:00.120Z'],
    ['2026-01-31T10:00:00.123456+01:30', '2026-01-31T08:30:00.123456Z'],
    ['2026-03-01T00:30:00+02:00', '2026-02-28T22:30:00Z'],
    ['2026-01-31T10:00:00.123456+00:00', '2026-01-31T10:00:00.123456Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
  ])('takes the time %s as %s', (at, utc) => {
    expect(judge({ ...GOOD, signed_up_at: at })).toMatchObject({ row: ['3f2504e0-4f89-41d3-9a0c-0305e82c3301', 'u-1', 'ada@example.com', 'Ada Lovelace', 'GB', 'free', 'friend', utc] });
  });

  it.each([
    ['a time that is in the year 10000 of UTC', { ...GOOD, signed_up_at: '9999-12-31T23:30:00-01:00' }, 'bad_signed_up_at'],
    ['a time in the year 0', { ...GOOD, signed_up_at: '0000-06-30T00:00:00+00:00' }, 'bad_signed_up_at'],
    ['a time that is in the year 0 of UTC', { ...GOOD, signed_up_at: '0001-01-01T00:30:00+01:00' }, 'bad_signed_up_at'],
    ['29 February of a year without one', { ...GOOD, signed_up_at: '2025-02-29T00:00:00Z' }, 'bad_signed_up_at'],
    ['a time without an offset', { ...GOOD, signed_up_at: '2026-01-31T10:00:00' }, 'bad_signed_up_at'],
    ['half of a character', { ...GOOD, full_name: 'Night \ud83d' }, 'bad_full_name'],
    ['NUL', { ...GOOD, plan: 'fr\0ee' }, 'bad_plan'],
    ['a number for a text', { ...GOOD, user_id: 7 }, 'bad_user_id'],
    ['null for what is needed', { ...GOOD, full_name: null }, 'bad_full_name'],
    ['a field that is not there', { ...GOOD, country: undefined }, 'missing_country'],
    ['the first of several faults', { ...GOOD, email: 'no address', plan: undefined }, 'bad_email'],
    ['a byte order mark', `\uFEFF${JSON.stringify(GOOD)}`, 'not_json'],
    ['a list', [GOOD], 'not_an_object'],
    ['null', 'null', 'not_an_object'],
    ['no bytes', '', 'empty'],
  ])('refuses %s', (_, value, reason) => {
    expect(judge(value)).toMatchObject({ reason });
  });

  it('refuses bytes that are no UTF-8, and a tombstone', () => {
    expect(judgeSignup(Buffer.concat([Buffer.from(JSON.stringify(GOOD).slice(0, -2)), Buffer.from([0xc3]), Buffer.from('"}')]))).toMatchObject({ reason: 'not_utf8' });
    expect(judgeSignup(null)).toMatchObject({ reason: 'no_value' });
    expect(judge({ ...GOOD, full_name: 'the character \uFFFD itself' })).toHaveProperty('row');
  });

  it('never repeats in its detail what a field held', () => {
    const secret = 'hunter2';
    for (const field of Object.keys(GOOD)) expect(JSON.stringify(judge({ ...GOOD, [field]: `${secret}\0` }))).not.toContain(secret);
  });
});
