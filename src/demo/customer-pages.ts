import type { Customer } from './demo-day.js';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 500;

export interface CustomerPageRequest {
  limit: number;
  /** The last customer of the page before; undefined for the first page. */
  after: string | undefined;
}

/** Reads `limit` (1 to 500, default 100) and `cursor`; `problem` says what is wrong with them. */
export function parsePageRequest(query: URLSearchParams): CustomerPageRequest | { problem: string } {
  const limitText = query.get('limit') ?? String(DEFAULT_LIMIT);
  const limit = /^\d{1,4}$/.test(limitText) ? Number(limitText) : 0;
  if (limit < 1 || limit > MAX_LIMIT) return { problem: `limit must be a whole number from 1 to ${MAX_LIMIT}` };
  const cursor = query.get('cursor');
  if (cursor === null || cursor === '') return { limit, after: undefined };
  const after = decodeCursor(cursor);
  return after === undefined ? { problem: 'cursor must be one that this API has returned' } : { limit, after };
}

/** The customers after the cursor by customer_id: a customer who appears between two pages moves no other. */
export function pageOf(sorted: readonly Customer[], { limit, after }: CustomerPageRequest): { customers: Customer[]; next: string | null } {
  const found = after === undefined ? 0 : sorted.findIndex((customer) => customer.customer_id > after);
  const start = found === -1 ? sorted.length : found;
  const customers = sorted.slice(start, start + limit);
  const last = customers.at(-1);
  return { customers, next: last && start + limit < sorted.length ? encodeCursor(last.customer_id) : null };
}

function encodeCursor(after: string): string {
  return Buffer.from(JSON.stringify({ after })).toString('base64url');
}

function decodeCursor(cursor: string): string | undefined {
  try {
    const decoded: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (typeof decoded === 'object' && decoded !== null && 'after' in decoded && typeof decoded.after === 'string') return decoded.after;
  } catch {
    // Not JSON: the same answer as for any other text that is no cursor.
  }
  return undefined;
}
