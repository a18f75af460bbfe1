import { MillraceError } from '../errors.js';
import { retryAfterMs } from '../http/retry-after.js';
import { parseJson } from './json.js';
import type { RestGate } from './rest-gate.js';
import { errorCodeOf, excerpt, forbiddenByCertificate, isCertificateError, redact } from './source-errors.js';

/** Enough of an error's body for its message. */
const EXCERPT_BYTES = 1024;

export interface RestRequestSettings {
  /** For messages: the source's name and address, without credentials. */
  where: string;
  headers: Record<string, string>;
  /** Never to appear in messages. */
  secrets: readonly (string | undefined)[];
  /** For the whole answer, headers and body. */
  timeoutMs: number;
  maxBodyBytes: number;
  gate: RestGate;
}

/** One GET: the parsed body, or the error that says whether another try makes sense. */
export async function getJson(url: URL, settings: RestRequestSettings, signal: AbortSignal): Promise<unknown> {
  return call(url, settings, signal, async (response) => {
    const bytes = await readBody(response, settings);
    return parseBody(bytes, response.status, settings);
  });
}

/** One GET whose answer is of no interest as long as it is not a refusal; its status. */
export async function getStatus(url: URL, settings: RestRequestSettings): Promise<number> {
  return call(url, settings, new AbortController().signal, async (response) => {
    await response.body?.cancel();
    return response.status;
  });
}

async function call<T>(url: URL, settings: RestRequestSettings, signal: AbortSignal, use: (response: Response) => Promise<T>): Promise<T> {
  await settings.gate.pass(signal);
  // Not AbortSignal.any: on Node 20 it keeps every derived signal alive as long as the step's own.
  const attempt = new AbortController();
  const onAbort = (): void => attempt.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => attempt.abort(tooSlow(settings)), settings.timeoutMs);
  try {
    signal.throwIfAborted();
    const response = await fetch(url, { headers: settings.headers, signal: attempt.signal });
    if (!response.ok) throw await refusal(response, settings);
    return await use(response);
  } catch (error) {
    throw attempt.signal.aborted ? attempt.signal.reason : translateNetworkError(error, settings);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

function tooSlow({ where, timeoutMs }: RestRequestSettings): MillraceError {
  return new MillraceError('SOURCE_UNAVAILABLE', `${where} did not answer in full within ${timeoutMs / 1000} s. Check its load, or ask for smaller pages.`);
}

function translateNetworkError(error: unknown, { where, secrets }: RestRequestSettings): MillraceError {
  if (error instanceof MillraceError) return error;
  if (isCertificateError(error)) return forbiddenByCertificate(where, error);
  const said = redact(errorCodeOf(error) ?? (error as Error).message, secrets);
  return new MillraceError('SOURCE_UNAVAILABLE', `${where} cannot be reached or cut its answer short (${said}). Check that it is up and the address is right.`, {
    cause: error,
  });
}

/** What a status that is not 2xx means; the gate learns what the source asked for. */
async function refusal(response: Response, settings: RestRequestSettings): Promise<MillraceError> {
  const { status } = response;
  const said = excerpt(redact(await firstText(response), settings.secrets));
  const answer = `${settings.where} answered ${status}${said ? ` (${said})` : ''}`;
  if (status === 401 || status === 403) {
    return new MillraceError('SOURCE_FORBIDDEN', `${answer}. Check the token of this connection and what it may read.`);
  }
  const wait = status === 429 || status >= 500 ? retryAfterMs(response.headers) : undefined;
  if (wait !== undefined) {
    settings.gate.close(wait);
    return new MillraceError('SOURCE_RATE_LIMITED', `${answer} and asks for no call in the next ${Math.ceil(wait / 1000)} s.`, { retryAfterMs: wait });
  }
  if (status === 429) return new MillraceError('SOURCE_RATE_LIMITED', `${answer}. Read it with fewer steps at the same time.`);
  if (status === 408 || status >= 500) return new MillraceError('SOURCE_UNAVAILABLE', `${answer}. Check the source.`);
  return new MillraceError('SOURCE_REJECTED', `${answer}. Correct the path or the parameters of the request.`);
}

/** The start of a body, for a message: neither its size nor its encoding nor its end matters. */
async function firstText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk as Uint8Array);
      size += (chunk as Uint8Array).length;
      if (size >= EXCERPT_BYTES) break;
    }
  } catch {
    // The status alone says what to do.
  }
  return Buffer.concat(chunks).subarray(0, EXCERPT_BYTES).toString('utf8');
}

async function readBody(response: Response, { where, maxBodyBytes }: RestRequestSettings): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).length;
    if (size > maxBodyBytes) {
      throw new MillraceError('SOURCE_TOO_LARGE', `${where} answered with more than ${maxBodyBytes} bytes. Ask for smaller pages, or raise the limit.`);
    }
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks);
}

function parseBody(bytes: Buffer, status: number, { where, secrets }: RestRequestSettings): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const start = excerpt(redact(bytes.subarray(0, EXCERPT_BYTES).toString('latin1'), secrets));
    const what = `${where} answered ${status} with a body that is not UTF-8; it begins with: ${start}`;
    throw new MillraceError('SOURCE_MALFORMED', `${what}. JSON is UTF-8: have the source repaired.`, { cause });
  }
  try {
    return parseJson(text);
  } catch (cause) {
    const start = excerpt(redact(text.slice(0, EXCERPT_BYTES), secrets)) || '(nothing)';
    throw new MillraceError('SOURCE_MALFORMED', `${where} answered ${status} with a body that is not JSON; it begins with: ${start}. Check the address.`, { cause });
  }
}
