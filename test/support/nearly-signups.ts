import * as fc from 'fast-check';

/** A sign-up without a fault. */
export const GOOD_SIGNUP = {
  event_id: '3F2504E0-4F89-41D3-9A0C-0305E82C3301',
  user_id: 'u-1',
  email: 'ada@example.com',
  full_name: 'Ada Lovelace',
  country: 'GB',
  plan: 'free',
  referrer: 'friend',
  signed_up_at: '2026-01-31T10:00:00Z',
};

const nearly = (right: string, ...edges: unknown[]) => fc.oneof({ weight: 40, arbitrary: fc.constant(right) }, { weight: 3, arbitrary: fc.constantFrom<unknown>(undefined, null, 7, '', ' ', `${right} `, `${right}\n`, `\0${right}`, `${right}\ud800`, ...edges) }, fc.anything(), fc.string({ unit: 'binary' }));

/** What is near to a sign-up: each field right, on the edge of being right, of another type, or not there. */
export const nearlySignup = fc.record({
  event_id: fc.oneof(nearly(GOOD_SIGNUP.event_id, GOOD_SIGNUP.event_id.replaceAll('-', ''), '00000000-0000-0000-0000-000000000000', '3f2504e0-4f89-91d3-9a0c-0305e82c3301'), fc.uuid()),
  user_id: nearly(GOOD_SIGNUP.user_id, 'x'.repeat(200), 'x'.repeat(201)),
  email: fc.oneof(nearly(GOOD_SIGNUP.email, `${'x'.repeat(308)}@example.com`, `${'x'.repeat(309)}@example.com`, 'a@b', 'ä@example.com', 'a..b@example.com'), fc.emailAddress()),
  full_name: nearly(GOOD_SIGNUP.full_name, '🚀'.repeat(500), `${'🚀'.repeat(500)}x`, '🚀'.repeat(1001), '🚀'.slice(1)),
  country: nearly(GOOD_SIGNUP.country, 'gb', 'GBR', 'ÄÖ'),
  plan: nearly(GOOD_SIGNUP.plan, 'x'.repeat(50), 'x'.repeat(51)),
  referrer: nearly(GOOD_SIGNUP.referrer, 'x'.repeat(2000), 'x'.repeat(2001)),
  signed_up_at: fc.oneof(nearly(GOOD_SIGNUP.signed_up_at, '2026-02-29T00:00:00Z', '2026-01-31T10:00:00', '2026-01-31T10:00:00.123456Z', '2026-01-31T10:00:00.1234567Z', '2026-01-31T24:00:00Z', '2026-01-31 10:00:00Z', '2026-01-31T10:00:00+14:00', '0000-01-31T10:00:00Z', '2026-01-31T10:00:00.5+00:00'), fc.date({ noInvalidDate: true }).map((date) => date.toISOString())),
});
