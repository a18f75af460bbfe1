import { MillraceError } from '../errors.js';
import { retryAfterMs } from '../http/retry-after.js';
import { oneLine } from './one-line.js';

const SAID_LENGTH = 300;

export interface PostTarget {
  /** May be a secret as a whole; appears in no message. */
  url: string;
  /** For messages: `Slack at hooks.slack.com`. */
  where: string;
  /** `MILLRACE_CONN_SLACK` */
  setting: string;
  /** Takes secrets out of what the server says. */
  redact: (text: string) => string;
  /** Milliseconds for the whole answer; default 10 000. */
  timeoutMs?: number;
}

export interface PostAnswer {
  status: number;
  /** Whole seconds or a date, in milliseconds from now. */
  retryAfter: number | undefined;
  /** The first bytes of the body, on one line, without secrets. */
  said: string;
}

/** One POST; the body of a 2xx. `ALERT_UNDELIVERED` for 408, 429 (not before its Retry-After) and 5xx, `ALERT_REJECTED` for any other status. */
export async function postJson(target: PostTarget, body: unknown, signal?: AbortSignal): Promise<string> {
  const answer = await post(target, body, signal);
  if (answer.status >= 200 && answer.status < 300) return answer.said;
  throw refusal(target, answer);
}

/** One POST, and the answer whatever its status is. `ALERT_UNDELIVERED` where there is none, `ALERT_REJECTED` for an untrusted certificate. */
export async function post(target: PostTarget, body: unknown, signal?: AbortSignal): Promise<PostAnswer> {
  signal?.throwIfAborted();
  // Not AbortSignal.any: on Node 20 it keeps every derived signal alive as long as the step's own.
  const attempt = new AbortController();
  const onAbort = (): void => attempt.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => attempt.abort(undelivered(target, 'it did not answer in time')), target.timeoutMs ?? 10_000);
  try {
    const response = await fetch(target.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      // The secret in the address or the body is for this server alone.
      redirect: 'manual',
      signal: attempt.signal,
    });
    const said = oneLine(target.redact(await response.text()), SAID_LENGTH);
    return { status: response.status, retryAfter: retryAfterMs(response.headers), said };
  } catch (error) {
    throw attempt.signal.aborted ? attempt.signal.reason : translateNetworkError(target, error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

export function refusal(target: PostTarget, { status, said, retryAfter }: PostAnswer): MillraceError {
  const answer = `it answered ${status}${said === '' ? '' : ` (${said})`}`;
  if (status === 408 || status === 429 || status >= 500) return undelivered(target, answer, retryAfter);
  return rejected(target, answer);
}

function translateNetworkError(target: PostTarget, error: unknown): MillraceError {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause;
  const said = target.redact(cause?.code ?? cause?.message ?? String(error));
  return /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(said) ? rejected(target, said) : undelivered(target, said);
}

function undelivered({ where, setting }: PostTarget, said: string, retryAfter?: number): MillraceError {
  const advice = `It is tried again; if it lasts, check the network and the host in ${setting}.`;
  return new MillraceError('ALERT_UNDELIVERED', `${where} takes no alert now: ${said}. ${advice}`, retryAfter === undefined ? {} : { retryAfterMs: retryAfter });
}

function rejected({ where, setting }: PostTarget, said: string): MillraceError {
  return new MillraceError('ALERT_REJECTED', `${where} refuses the alert: ${said}. Correct ${setting}.`);
}
