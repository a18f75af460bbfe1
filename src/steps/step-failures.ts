import { ApplicationFailure, CancelledFailure, type ApplicationFailureOptions } from '@temporalio/common';
import { isMillraceError } from '../errors.js';

/** A result above this is a mistake: rows go through the object store. Temporal itself takes 2 MB and then retries for ever. */
export const RESULT_LIMIT_BYTES = 256 * 1024;

/** Throws before a result is sent that Temporal would not take. */
export function guardResultSize(step: string, result: unknown): void {
  if (result === undefined) return;
  const bytes = Buffer.byteLength(JSON.stringify(result) ?? '');
  if (bytes <= RESULT_LIMIT_BYTES) return;
  throw ApplicationFailure.nonRetryable(
    `Step ${step} returned ${Math.ceil(bytes / 1024)} KiB; a result may have ${RESULT_LIMIT_BYTES / 1024} KiB. Write the rows to the object store and return a DatasetRef.`,
    'RESULT_TOO_LARGE',
  );
}

/**
 * What Temporal is told of a step's error: Millrace's own errors say whether a retry can help and when, a cancelled step ends
 * as cancelled whatever its driver threw, and no message leaves the worker with a secret in it.
 */
export function toFailure(error: unknown, cancelled: AbortSignal, redact: (text: string) => string): Error {
  if (cancelled.aborted) return cancelled.reason instanceof CancelledFailure ? cancelled.reason : new CancelledFailure('cancelled');
  const original = error instanceof Error ? error : new Error(String(error));
  const failure = ApplicationFailure.create({ ...failureOptions(original, redact), message: redact(original.message) });
  // Where it was thrown, not where it was translated.
  if (original.stack !== undefined) failure.stack = redact(original.stack);
  return failure;
}

function failureOptions(error: Error, redact: (text: string) => string): ApplicationFailureOptions {
  if (error instanceof ApplicationFailure) {
    const { type, nonRetryable, details, nextRetryDelay, category } = error;
    return {
      nonRetryable: nonRetryable ?? false,
      ...(type == null ? {} : { type }),
      ...(details == null ? {} : { details: redactValue(details, redact) }),
      ...(nextRetryDelay == null ? {} : { nextRetryDelay }),
      ...(category == null ? {} : { category }),
    };
  }
  if (!isMillraceError(error)) return { type: error.name };
  return {
    type: error.code,
    nonRetryable: !error.retryable,
    ...(error.details === undefined ? {} : { details: [redactValue(error.details, redact)] }),
    ...(error.retryAfterMs === undefined ? {} : { nextRetryDelay: error.retryAfterMs }),
  };
}

/** The same value with every string in it redacted. */
export function redactValue<T>(value: T, redact: (text: string) => string): T {
  return mapStrings(value, redact) as T;
}

function mapStrings(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === 'string') return map(value);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, map));
  if (value instanceof Error) return map(value.message);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapStrings(item, map)]));
}
