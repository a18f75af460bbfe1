import { ApplicationFailure } from '@temporalio/workflow';
import type { ErrorCode } from '../errors.js';

/** Ends the run: parameters do not become right by themselves. */
export function badParams(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'BAD_PARAMS' satisfies ErrorCode);
}

/** The innermost cause, as people are told of it: its code, or its class, and the first line of its message. */
export function failureOf(error: unknown): { type: string; message: string } {
  let cause = error;
  while (cause instanceof Error && cause.cause instanceof Error) ({ cause } = cause);
  if (!(cause instanceof Error)) return { type: 'Error', message: String(cause) };
  const type = cause instanceof ApplicationFailure && cause.type != null ? cause.type : cause.name;
  return { type, message: (cause.message.split('\n')[0] ?? '').slice(0, MESSAGE_LIMIT) };
}

const MESSAGE_LIMIT = 300;
