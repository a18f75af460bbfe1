import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { handleAdmin, type AdminHooks } from './admin-routes.js';
import { parsePageRequest, pageOf } from './customer-pages.js';
import type { Customer } from './demo-day.js';
import { sendError, sendJson } from './json-http.js';
import { createTokenBucket } from './token-bucket.js';

/** `ok`, or broken on purpose: connections are cut, answers come a minute late, the token is refused. */
export const API_MODES = ['ok', 'down', 'slow', 'forbidden'] as const;
export type ApiMode = (typeof API_MODES)[number];

export interface CustomerApiOptions {
  /** The bearer token that every caller must show. */
  token: string;
  host?: string;
  /** 0 or nothing: a free port. */
  port?: number;
  /** Requests for pages that are let through at once, and those that follow each second; beyond them: 429. */
  rate?: { burst: number; perSecond: number };
  /** Of so many requests for pages that were let through, the third is answered with 503; 0: none. */
  unavailableEvery?: number;
  /** How late the mode `slow` answers, in milliseconds. */
  slowMs?: number;
  /** Milliseconds since 1970. */
  now?: () => number;
  /** Loads a day everywhere, for `POST /admin/days/YYYY-MM-DD`; without it that path does not exist. */
  loadDay?: AdminHooks['loadDay'];
}

export interface CustomerApi {
  host: string;
  port: number;
  /** Replaces all customers at once; before the first time the API says that it is starting (503). */
  setCustomers(customers: readonly Customer[]): void;
  setMode(mode: ApiMode): void;
  stop(): Promise<void>;
}

/** A page or two in a run of some pages is refused, and a client that obeys Retry-After loses a second each time. */
const RATE = { burst: 5, perSecond: 5 };
const UNAVAILABLE_EVERY = 12;
/** Paths are read against it; its name means nothing. */
const ORIGIN = 'http://localhost';

/**
 * The demonstration's customer API: `GET /v1/customers?limit=&cursor=` (keyset paging, bearer token, 429 with Retry-After in
 * seconds, now and then 503 with Retry-After as a date), `GET /v1/health`, and below `/admin/` what an operator may break.
 */
export async function startCustomerApi(options: CustomerApiOptions): Promise<CustomerApi> {
  const now = options.now ?? Date.now;
  const unavailableEvery = options.unavailableEvery ?? UNAVAILABLE_EVERY;
  const bucket = createTokenBucket({ ...(options.rate ?? RATE), now });
  const delayed = new Set<NodeJS.Timeout>();
  let customers: readonly Customer[] | undefined;
  let mode: ApiMode = 'ok';
  let admitted = 0;

  const admin: AdminHooks = {
    modes: API_MODES,
    setMode: (next) => void (mode = next),
    loadDay: options.loadDay,
  };

  function route(request: IncomingMessage, response: ServerResponse): void {
    const target = request.url ?? '/';
    if (!URL.canParse(target, ORIGIN)) return sendError(response, 400, 'bad_request', 'the request names no path');
    const url = new URL(target, ORIGIN);
    const isAdmin = url.pathname.startsWith('/admin/');
    if (mode === 'down' && !isAdmin) return void request.socket.destroy();
    if (mode === 'slow' && !isAdmin) {
      const timer = setTimeout(() => {
        delayed.delete(timer);
        answer(url, request, response);
      }, options.slowMs ?? 60_000);
      delayed.add(timer);
      return;
    }
    answer(url, request, response);
  }

  function answer(url: URL, request: IncomingMessage, response: ServerResponse): void {
    const authorization = request.headers.authorization;
    // A health probe needs no token, but a wrong one is not called healthy.
    const needsToken = url.pathname !== '/v1/health' || authorization !== undefined;
    if (needsToken && !isBearer(authorization, options.token)) {
      response.setHeader('WWW-Authenticate', 'Bearer');
      return sendError(response, 401, 'unauthorized', 'send the header Authorization: Bearer TOKEN with a valid token');
    }
    if (url.pathname.startsWith('/admin/')) return void handleAdmin(url, request, response, admin);
    if (mode === 'forbidden') return sendError(response, 403, 'forbidden', 'this token may not read customers');
    if (url.pathname !== '/v1/health' && url.pathname !== '/v1/customers') {
      return sendError(response, 404, 'not_found', `there is no ${url.pathname}; see /v1/customers and /v1/health`);
    }
    if (request.method !== 'GET') {
      response.setHeader('Allow', 'GET');
      return sendError(response, 405, 'method_not_allowed', `${url.pathname} answers GET only`);
    }
    if (customers === undefined) return sendError(response, 503, 'starting', 'the customers are still being loaded');
    if (url.pathname === '/v1/health') return sendJson(response, 200, { status: 'ok', customers: customers.length });
    return sendPage(customers, url, response);
  }

  function sendPage(all: readonly Customer[], url: URL, response: ServerResponse): void {
    const waitSeconds = bucket.take();
    if (waitSeconds > 0) {
      response.setHeader('Retry-After', String(waitSeconds));
      return sendError(response, 429, 'rate_limited', `too many requests: come back in ${waitSeconds} s`);
    }
    admitted += 1;
    if (unavailableEvery > 0 && admitted % unavailableEvery === Math.min(3, unavailableEvery) % unavailableEvery) {
      response.setHeader('Retry-After', nextFullSecond(now()).toUTCString());
      return sendError(response, 503, 'unavailable', 'down for a moment: come back after the date in Retry-After');
    }
    const page = parsePageRequest(url.searchParams);
    if ('problem' in page) return sendError(response, 400, 'bad_request', page.problem);
    return sendJson(response, 200, pageOf(all, page));
  }

  const server = createServer(route);
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    host,
    port: (server.address() as AddressInfo).port,
    setCustomers: (next) => {
      customers = [...next].sort((one, other) => (one.customer_id < other.customer_id ? -1 : 1));
    },
    setMode: (next) => admin.setMode(next),
    stop: async () => {
      for (const timer of delayed) clearTimeout(timer);
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function isBearer(authorization: string | undefined, token: string): boolean {
  const shown = Buffer.from(authorization ?? '');
  const expected = Buffer.from(`Bearer ${token}`);
  return shown.length === expected.length && timingSafeEqual(shown, expected);
}

/** An HTTP date has whole seconds: the next one is never before now. */
function nextFullSecond(now: number): Date {
  return new Date((Math.floor(now / 1000) + 1) * 1000);
}
