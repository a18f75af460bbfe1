import { randomFor, type Random } from './random.js';

/** A message for the topic of sign-ups. */
export interface GeneratedSignup {
  key: string;
  value: Buffer | string | null;
}

export interface SignupsOfDay {
  /** `2026-01-31`: the same label, count and share give the same messages. */
  label: string;
  start: string;
  end: string;
  count: number;
  /** Share of messages that are malformed, 0 to 1. */
  malformed: number;
}

const NAMES = ['Ada Lovelace', 'Grace Hopper', 'O’Brien, Conan', 'Edsger "Structured" Dijkstra', 'Zoë Müller', '山田 太郎', 'Nora 🚀 Night', 'Two\nLines', '\uFEFFByte Order', '=SUM(A1:A2)', "Robert'); DROP TABLE signups;--"];
const REFERRERS = ['newsletter', 'friend', '', null, 'search, organic', 'ad "spring"'];
const COUNTRIES = ['DE', 'FR', 'GB', 'US', 'JP', 'BR'];
const PLANS = ['free', 'free', 'free', 'pro', 'team'];

/** New users of one interval, made one by one; names and referrers hold what breaks careless files. */
export function* generateSignups({ label, start, end, count, malformed }: SignupsOfDay): Generator<GeneratedSignup> {
  const random = randomFor(`signups/${label}`);
  const [from, to] = [Date.parse(start), Date.parse(end)];
  // Taken from a choice of its own, so that the good ones are the same with and without them.
  const dirt = randomFor(`signups/${label}/malformed`);
  for (let index = 0; index < count; index += 1) {
    const event = {
      event_id: uuid(random),
      user_id: `u-${label}-${index}`,
      email: `user${index}+${label}@example.com`,
      full_name: random.pick(NAMES),
      country: random.pickPopular(COUNTRIES),
      plan: random.pick(PLANS),
      referrer: random.pick(REFERRERS),
      signed_up_at: new Date(from + Math.floor(((to - from) * index) / count)).toISOString(),
    };
    const spoil = dirt.int(1, 1_000_000) <= malformed * 1_000_000;
    yield { key: event.event_id, value: spoil ? dirt.pick(SPOILED)(event) : JSON.stringify(event) };
  }
}

type Event = Record<string, string | null>;

/** Every way in which a message is no sign-up. */
export const SPOILED: readonly ((event: Event) => Buffer | string | null)[] = [
  () => null,
  () => '',
  () => Buffer.from([0xff, 0xfe, 0x7b, 0x7d]),
  (event) => JSON.stringify(event).slice(0, -7),
  (event) => JSON.stringify([event]),
  (event) => JSON.stringify({ ...event, event_id: undefined }),
  (event) => JSON.stringify({ ...event, event_id: 'not-a-uuid' }),
  (event) => JSON.stringify({ ...event, email: 'no address' }),
  (event) => JSON.stringify({ ...event, full_name: 'NUL \u0000 inside' }),
  (event) => JSON.stringify({ ...event, full_name: 7 }),
  (event) => JSON.stringify({ ...event, country: 'Germany' }),
  (event) => JSON.stringify({ ...event, signed_up_at: '2025-02-29T00:00:00Z' }),
  (event) => JSON.stringify({ ...event, signed_up_at: '2026-01-31T10:00:00' }),
];

function uuid(random: Random): string {
  const hex = Array.from({ length: 8 }, () => random.int(0, 0xffff).toString(16).padStart(4, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
