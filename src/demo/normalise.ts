import type { Segment } from './demo-day.js';

/** Codes as the catalog and the clicks spell them: trimmed and upper-cased; '' where there is none. */
export function normalCode(text: string | null): string {
  return (text ?? '').trim().toUpperCase();
}

/** Customer ids as the customer API spells them: `17850.0` is 17850; null for a guest. */
export function normalCustomer(text: string | null): string | null {
  const trimmed = (text ?? '').trim();
  if (trimmed === '') return null;
  return /^(\d+)\.0+$/.exec(trimmed)?.[1] ?? trimmed;
}

/** The shop's segment of a customer, by the last digit of the id: 0–5 consumer, 6–8 business, 9 wholesale. */
export function segmentOf(customerId: string): Segment {
  const digit = customerId.at(-1) ?? '';
  if (digit === '9') return 'wholesale';
  return digit >= '6' && digit <= '8' ? 'business' : 'consumer';
}

/** The text that occurs most often; of equals the one seen first; undefined for none. */
export function mostFrequent(texts: Iterable<string>): string | undefined {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  let best: string | undefined;
  for (const [text, count] of counts) {
    if (best === undefined || count > (counts.get(best) ?? 0)) best = text;
  }
  return best;
}
