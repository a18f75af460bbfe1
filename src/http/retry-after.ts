/**
 * Milliseconds that a `Retry-After` header asks for, in either of its forms (RFC 9110, 10.2.3); `undefined` when it is absent
 * or unreadable. A date is taken against the answer's own `Date`, so that clocks may differ.
 */
export function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim();
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  if (Number.isNaN(at) || !/[a-z]/i.test(value)) return undefined;
  const now = Date.parse(headers.get('date') ?? '');
  return Math.max(0, at - (Number.isNaN(now) ? Date.now() : now));
}
