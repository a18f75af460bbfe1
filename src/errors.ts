/**
 * Every error that Millrace raises on purpose, with the one fact a retry policy needs: can the same
 * call succeed later without a person's help?
 *
 * Adapters translate driver errors into a `MillraceError` and know nothing of Temporal; the step
 * interceptor turns it into an `ApplicationFailure` whose `type` is the code below.
 * `docs/errors.md` documents every code (a test compares the two).
 */
export const ERRORS = {
  // Settings. A worker does not read its settings again, so a retry meets the same ones.
  BAD_PARAMS: { retryable: false, why: 'the same parameters are wrong on every attempt' },
  CONNECTION_MISSING: { retryable: false, why: 'settings are read once, when the worker starts' },
  CONNECTION_MALFORMED: { retryable: false, why: 'settings are read once, when the worker starts' },

  // Sources.
  SOURCE_UNAVAILABLE: { retryable: true, why: 'the server may come back' },
  SOURCE_RATE_LIMITED: { retryable: true, why: 'the source said when to come back' },
  SOURCE_FORBIDDEN: { retryable: false, why: 'credentials and grants are changed by people' },
  SOURCE_MISSING: { retryable: false, why: 'waiting for data is the work of a sensor, not of a retry' },
  SOURCE_EMPTY: { retryable: false, why: 'a green run over nothing hides the failure upstream' },
  SOURCE_INCOMPLETE: { retryable: true, why: 'the writer may still be writing' },
  SOURCE_MALFORMED: { retryable: false, why: 'the same bytes are malformed on every attempt' },
  SOURCE_TOO_LARGE: { retryable: false, why: 'the same data is too large on every attempt' },
  SOURCE_REJECTED: { retryable: false, why: 'the source called the request itself wrong' },
  SOURCE_PAGING_LOOP: { retryable: false, why: 'a source that repeats its cursor does so again' },

  // Message logs.
  OFFSETS_EXPIRED: { retryable: false, why: 'messages that were deleted do not return' },
  OFFSETS_MOVED: { retryable: false, why: 'the bounds are fixed, and what lies between them is loaded' },
  READER_REPLACED: { retryable: true, why: 'if this is the attempt that counts, the other one is gone by then' },

  // Object store.
  OBJECT_MISSING: { retryable: false, why: 'an object that was written and is gone does not return by itself' },
  OBJECT_CHANGED: { retryable: false, why: 'the version that was asked for has been replaced' },
  STORE_UNAVAILABLE: { retryable: true, why: 'the store may come back' },
  STORE_FORBIDDEN: { retryable: false, why: 'credentials and grants are changed by people' },

  // Functions.
  FUNCTION_UNAVAILABLE: { retryable: true, why: 'the service may come back' },
  FUNCTION_THROTTLED: { retryable: true, why: 'the invocations that are too many end' },
  FUNCTION_CRASHED: { retryable: true, why: 'the next invocation has a sandbox of its own' },
  FUNCTION_FAILED: { retryable: false, why: 'the same event fails the same way; what may pass, a function reports with a code of this list' },
  FUNCTION_MISSING: { retryable: false, why: 'functions are deployed by people' },
  FUNCTION_FORBIDDEN: { retryable: false, why: 'credentials and grants are changed by people' },
  FUNCTION_REJECTED: { retryable: false, why: 'the same request is refused on every attempt' },

  // Warehouse.
  WAREHOUSE_UNAVAILABLE: { retryable: true, why: 'the server may come back' },
  WAREHOUSE_BUSY: { retryable: true, why: 'a lock or a serialisation conflict passes' },
  WAREHOUSE_FORBIDDEN: { retryable: false, why: 'credentials and grants are changed by people' },
  WAREHOUSE_REJECTED: { retryable: false, why: 'the same statement is rejected on every attempt' },
  SCHEMA_MISMATCH: { retryable: false, why: 'tables are migrated by people' },
  STALE_RUN: { retryable: false, why: 'a newer run has published this interval, and it stays newer' },

  // Metrics.
  METRICS_UNAVAILABLE: { retryable: true, why: 'the service may come back, or takes more in a while' },
  METRICS_FORBIDDEN: { retryable: false, why: 'credentials and grants are changed by people' },
  METRICS_REJECTED: { retryable: false, why: 'the same request is refused on every attempt' },

  // Steps.
  TRANSFORM_FAILED: { retryable: false, why: 'the same statement over the same files fails again' },
  RECONCILIATION_FAILED: { retryable: false, why: 'the same rows are counted on every attempt' },
  CHECK_FAILED: { retryable: false, why: 'the staged rows are the same on every attempt' },
  POOL_LEASE_LOST: { retryable: false, why: 'another slot has to be waited for first; the workflow does that, and schedules the step again' },
  RESULT_TOO_LARGE: { retryable: false, why: 'the same result is too large on every attempt' },

  // Blocks of a pipeline.
  NOT_YET: { retryable: true, why: 'what is waited for may still come' },
  WAIT_TIMED_OUT: { retryable: false, why: 'it was waited for as long as the pipeline says' },
  MAP_FAILED: { retryable: false, why: 'every item has had its own retries' },
  MAP_REFUSED: { retryable: false, why: 'the same list is refused on every attempt' },
  APPROVAL_REJECTED: { retryable: false, why: 'a person has decided' },
  APPROVAL_EXPIRED: { retryable: false, why: 'nobody decided in the time that the pipeline gives' },
  // Backfills.
  BACKFILL_INCOMPLETE: { retryable: false, why: 'its failed intervals are run again by a new backfill' },
  RUN_NOT_COMPLETED: { retryable: false, why: 'a run that has ended does not complete any more' },

  // Alerts.
  ALERT_UNDELIVERED: { retryable: true, why: 'the mail server, Slack or the incident service may come back' },
  ALERT_REJECTED: { retryable: false, why: 'the other side refuses this message for good' },
} as const satisfies Record<string, { retryable: boolean; why: string }>;

export type ErrorCode = keyof typeof ERRORS;

export interface MillraceErrorOptions {
  /** The driver's error. Its message is kept out of ours where it could hold a secret. */
  cause?: unknown;
  /** Milliseconds before which the source must not be called again (Retry-After). */
  retryAfterMs?: number;
  /** Small structured facts for the alert and the CLI; never a secret, never rows by the thousand. */
  details?: Record<string, unknown>;
}

/**
 * The message says what happened, where (source, dataset, row or key) and what to do, in one or two
 * sentences, and never holds a secret.
 */
export class MillraceError extends Error {
  override readonly name = 'MillraceError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, options: MillraceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = ERRORS[code].retryable;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details;
  }
}

export function isMillraceError(error: unknown): error is MillraceError {
  return error instanceof MillraceError;
}
