import { TimeoutFailure } from '@temporalio/workflow';
import type { ErrorCode } from '../errors.js';

export interface ErrorFacts {
  type: string;
  message: string;
}

/** The innermost cause of an error: its type (a code of `src/errors.ts`, or the name of whatever it was) and message. Sandbox-safe. */
export function describeError(error: unknown): ErrorFacts {
  if (!(error instanceof Error)) return { type: 'unknown', message: String(error) };
  let cause = error;
  while (cause.cause instanceof Error) cause = cause.cause;
  return describeTimeout(cause) ?? { type: typeOf(cause), message: firstLine(cause.message) };
}

/** What the last attempt of a step ended with whose time is over. The SDK keeps it in the server's words only. */
export function lastAttempt(timeout: TimeoutFailure): ErrorFacts | undefined {
  const { message, applicationFailureInfo: info } = timeout.failure?.cause ?? {};
  return info == null ? undefined : { type: info.type ?? 'Error', message: message ?? '' };
}

/** A timeout alone says little where attempts have failed before it. */
function describeTimeout(error: Error): ErrorFacts | undefined {
  const last = error instanceof TimeoutFailure ? lastAttempt(error) : undefined;
  if (last === undefined) return undefined;
  if (last.type === ('NOT_YET' satisfies ErrorCode)) return { type: 'WAIT_TIMED_OUT' satisfies ErrorCode, message: `has not come in time: ${firstLine(last.message)}` };
  return { type: error.name, message: `${error.message}; the last attempt said: ${firstLine(last.message)}` };
}

function typeOf(error: Error): string {
  return 'type' in error && typeof error.type === 'string' && error.type !== '' ? error.type : error.name;
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
