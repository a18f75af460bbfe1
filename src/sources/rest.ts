import pRetry from 'p-retry';
import { isMillraceError, MillraceError } from '../errors.js';
import { createRestGate } from './rest-gate.js';
import { getJson, getStatus, type RestRequestSettings } from './rest-request.js';
import type { PageRequest, RestSource } from './rest-source.js';

export interface RestSourceOptions {
  /** `https://api.example.com/v1`; a user and password in it are sent as Basic credentials. */
  baseUrl: string;
  /** Sent as `Authorization: Bearer …`, to this origin only: a redirect elsewhere does not carry it. */
  token?: string;
  /** What messages call the source: `customers`. */
  name: string;
  /** Milliseconds for one answer, headers and body; default 30 000. */
  timeoutMs?: number;
  /** Most bytes of one answer, unpacked; default 32 MiB. */
  maxBodyBytes?: number;
  /** Tries of one request after the first; default 4. */
  retries?: number;
  /** A Retry-After up to this is waited for in place, a longer one raises `SOURCE_RATE_LIMITED`; milliseconds, default 30 000. */
  maxWaitMs?: number;
  /** First pause between tries, doubled each time and varied at random up to twofold; milliseconds, default 250. */
  backoffMs?: number;
}

const MAX_BACKOFF_MS = 10_000;

/**
 * A paged JSON API over HTTP. Network errors, timeouts, 408, 429 and 5xx are tried again in place a few times; what the
 * source said in `Retry-After` binds every reader of this object.
 */
export function createRestSource(options: RestSourceOptions): RestSource {
  const { origin, pathname, username, password } = parseBase(options.baseUrl, options.name);
  const base = new URL(`${origin}${pathname.replace(/\/*$/, '/')}`);
  const description = base.href.replace(/\/$/, '');
  const where = `${options.name} (${description})`;
  const { retries = 4, maxWaitMs = 30_000, backoffMs = 250 } = options;
  const settings: RestRequestSettings = {
    where,
    headers: { accept: 'application/json', 'user-agent': 'millrace', ...credentials(options.token, username, password) },
    secrets: [options.token, decodeURIComponent(password)],
    timeoutMs: options.timeoutMs ?? 30_000,
    maxBodyBytes: options.maxBodyBytes ?? 32 * 1024 * 1024,
    gate: createRestGate(where, maxWaitMs),
  };

  function mayPass(error: unknown): boolean {
    if (!isMillraceError(error)) return false;
    return error.code === 'SOURCE_UNAVAILABLE' || (error.code === 'SOURCE_RATE_LIMITED' && (error.retryAfterMs ?? 0) <= maxWaitMs);
  }

  return {
    description,
    async *pages(request, { signal }) {
      const seen = new Set<string>();
      let cursor: string | undefined;
      for (let page = 1; page === 1 || cursor !== undefined; page += 1) {
        const url = pageUrl(base, request, cursor);
        const body = await pRetry(() => getJson(url, settings, signal), {
          retries,
          minTimeout: backoffMs,
          maxTimeout: MAX_BACKOFF_MS,
          randomize: true,
          signal,
          shouldRetry: ({ error }) => mayPass(error),
        });
        const place = `${where}, ${request.path}, page ${page}`;
        const items = itemsOf(body, request.items, place);
        cursor = cursorOf(body, request.cursor, place);
        if (cursor !== undefined && seen.has(cursor)) {
          throw new MillraceError('SOURCE_PAGING_LOOP', `${place}: the field "${request.cursor}" repeats a cursor of an earlier page. Have the API's paging repaired.`);
        }
        if (cursor !== undefined) seen.add(cursor);
        if (items.length > 0) yield items;
      }
    },
    async check() {
      const status = await getStatus(base, settings).catch((error: unknown) => {
        // An API need not answer at its root: any refusal but of the credentials shows that it is there.
        if (isMillraceError(error) && error.code === 'SOURCE_REJECTED') return 'with a refusal of its root path';
        throw error;
      });
      return `${where} answers (${status}).`;
    },
    // Node's fetch owns the connections and closes idle ones.
    close: () => Promise.resolve(),
  };
}

function parseBase(baseUrl: string, name: string): URL {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (url && /^https?:$/.test(url.protocol)) return url;
  throw new MillraceError('CONNECTION_MALFORMED', `${name}: the address of the API is not an http:// or https:// URL. Correct the connection.`);
}

function credentials(token: string | undefined, username: string, password: string): Record<string, string> {
  if (token) return { authorization: `Bearer ${token}` };
  if (!username) return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

function pageUrl(base: URL, request: PageRequest, cursor: string | undefined): URL {
  const url = new URL(request.path.replace(/^\/+/, ''), base);
  for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
  url.searchParams.set('limit', String(request.pageSize));
  if (cursor !== undefined) url.searchParams.set('cursor', cursor);
  return url;
}

function itemsOf(body: unknown, field: string, place: string): Record<string, unknown>[] {
  const items = isRecord(body) ? body[field] : undefined;
  if (!Array.isArray(items)) {
    throw new MillraceError('SOURCE_MALFORMED', `${place}: the field "${field}" holds ${kindOf(items)}, not an array. Check the path and the name of the field.`);
  }
  const stray = items.findIndex((item) => !isRecord(item));
  if (stray >= 0) {
    throw new MillraceError('SOURCE_MALFORMED', `${place}: item ${stray + 1} of "${field}" is ${kindOf(items[stray])}, not an object. Have the API repaired.`);
  }
  return items as Record<string, unknown>[];
}

function cursorOf(body: unknown, field: string, place: string): string | undefined {
  const cursor = isRecord(body) ? body[field] : undefined;
  if (cursor === undefined || cursor === null || cursor === '') return undefined;
  if (typeof cursor === 'string' || typeof cursor === 'number') return String(cursor);
  throw new MillraceError('SOURCE_MALFORMED', `${place}: the field "${field}" holds ${kindOf(cursor)}, not a cursor. Check the name of the field.`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'object') return Array.isArray(value) ? 'an array' : 'an object';
  return `a ${typeof value}`;
}
