import { MillraceError, ERRORS, type ErrorCode } from '../errors.js';
import type { LoadedDay } from './admin-routes.js';
import type { ApiMode } from './customer-api.js';

/** Loading a day takes about a second; a cold disk or a busy machine may need longer. */
const TIMEOUT_MS = 60_000;

/**
 * Asks a running demonstration (its CUSTOMERS connection, `http://:TOKEN@127.0.0.1:PORT/v1`) to have the data of a day; a day
 * that is there already is left as it is. Errors: `BAD_PARAMS`, `SOURCE_MISSING` (no file for that day) and the other `SOURCE_…` codes.
 */
export async function ensureDemoDay(customersUri: string, date: string, options: { signal?: AbortSignal } = {}): Promise<LoadedDay> {
  return (await post(customersUri, `/admin/days/${encodeURIComponent(date)}`, undefined, options.signal)) as LoadedDay;
}

/** Breaks the demonstration's customer API on purpose, or mends it (`ok`). */
export async function setDemoApiMode(customersUri: string, mode: ApiMode, options: { signal?: AbortSignal } = {}): Promise<void> {
  await post(customersUri, '/admin/mode', { mode }, options.signal);
}

async function post(customersUri: string, path: string, body: unknown, signal: AbortSignal | undefined): Promise<unknown> {
  const address = new URL(customersUri);
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetch(new URL(path, address.origin), {
      method: 'POST',
      headers: { Authorization: `Bearer ${decodeURIComponent(address.password)}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body ?? {}),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw new MillraceError('SOURCE_UNAVAILABLE', `the demonstration's source systems do not answer at ${address.host}: is npm start still running?`, { cause: error });
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok) return answer;
  throw errorOf(response.status, answer, address.host);
}

/** The server's own error where it is one of ours. */
function errorOf(status: number, answer: unknown, host: string): MillraceError {
  const error = typeof answer === 'object' && answer !== null && 'error' in answer ? answer.error : undefined;
  if (typeof error === 'object' && error !== null && 'code' in error && 'message' in error) {
    const code = String(error.code);
    if (Object.hasOwn(ERRORS, code)) return new MillraceError(code as ErrorCode, String(error.message));
  }
  if (status === 401 || status === 403) return new MillraceError('SOURCE_FORBIDDEN', `the demonstration at ${host} refused the token of the CUSTOMERS connection`);
  return new MillraceError(status >= 500 ? 'SOURCE_UNAVAILABLE' : 'SOURCE_REJECTED', `the demonstration at ${host} answered with status ${status}`);
}
