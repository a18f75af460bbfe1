import { ERRORS, type ErrorCode } from '../errors.js';

/** What went wrong, in one sentence for somebody who did not write the pipeline. */
const CAUSES: Readonly<Record<ErrorCode, string>> = {
  BAD_PARAMS: 'The run was started with wrong parameters.',
  CONNECTION_MISSING: 'A connection that the step needs is not set.',
  CONNECTION_MALFORMED: 'A connection that the step needs is set, but cannot be read.',

  SOURCE_UNAVAILABLE: 'The source did not answer.',
  SOURCE_RATE_LIMITED: 'The source takes no more requests for now.',
  SOURCE_FORBIDDEN: 'The source refused access.',
  SOURCE_MISSING: 'The data is not where it was expected.',
  SOURCE_EMPTY: 'The source has no rows for this interval.',
  SOURCE_INCOMPLETE: 'The data of the source was not complete in time.',
  SOURCE_MALFORMED: 'The source sent data that cannot be read.',
  SOURCE_TOO_LARGE: 'The source sent more than this step takes.',
  SOURCE_REJECTED: 'The source called the request itself wrong.',
  SOURCE_PAGING_LOOP: 'The source sent the same page again and again.',

  OFFSETS_EXPIRED: 'Messages were deleted before they were read.',
  OFFSETS_MOVED: 'Another run has loaded the same messages in the meantime.',
  READER_REPLACED: 'A newer attempt of the step has taken over.',

  OBJECT_MISSING: 'A file that an earlier step wrote is gone.',
  OBJECT_CHANGED: 'A file was replaced while it was being used.',
  STORE_UNAVAILABLE: 'The object store did not answer.',
  STORE_FORBIDDEN: 'The object store refused access.',

  FUNCTION_UNAVAILABLE: 'The service that runs the function did not answer.',
  FUNCTION_THROTTLED: 'Too many invocations of the function ran at the same time.',
  FUNCTION_CRASHED: 'The function ran out of time or memory, or its process ended.',
  FUNCTION_FAILED: 'The function failed.',
  FUNCTION_MISSING: 'The function that the step invokes does not exist.',
  FUNCTION_FORBIDDEN: 'The function may not be invoked with these credentials.',
  FUNCTION_REJECTED: 'The invocation of the function was refused as wrong.',

  WAREHOUSE_UNAVAILABLE: 'The warehouse did not answer.',
  WAREHOUSE_BUSY: 'The warehouse was locked by somebody else for too long.',
  WAREHOUSE_FORBIDDEN: 'The warehouse refused access.',
  WAREHOUSE_REJECTED: 'The warehouse rejected a statement.',
  SCHEMA_MISMATCH: 'A table of the warehouse does not have the columns that the pipeline writes.',
  STALE_RUN: 'A newer run has already published this interval.',

  METRICS_UNAVAILABLE: 'The metrics service did not answer.',
  METRICS_FORBIDDEN: 'Metrics may not be published with these credentials.',
  METRICS_REJECTED: 'The metrics service called the request wrong.',

  TRANSFORM_FAILED: 'A transformation failed.',
  RECONCILIATION_FAILED: 'Rows were lost or doubled on the way, so nothing was published.',
  CHECK_FAILED: 'The data did not pass a quality check, so nothing was published.',
  POOL_LEASE_LOST: 'The last attempt has lost its slot of a pool: its worker was frozen or cut off.',
  RESULT_TOO_LARGE: 'A step returned more than Temporal takes.',

  NOT_YET: 'What the step waits for has not come.',
  WAIT_TIMED_OUT: 'What the run waited for has not come in time.',
  MAP_FAILED: 'Some items of a list failed.',
  MAP_REFUSED: 'A list cannot be worked on as it is.',
  APPROVAL_REJECTED: 'A person has rejected what was to be approved.',
  APPROVAL_EXPIRED: 'Nobody has approved or rejected in time.',
  BACKFILL_INCOMPLETE: 'Some intervals of the backfill failed; the others are done.',
  RUN_NOT_COMPLETED: 'The run of the interval that was open already did not complete.',

  ALERT_UNDELIVERED: 'An alert could not be delivered.',
  ALERT_REJECTED: 'An alert was refused for good.',
};

/** Failures that Temporal itself reports. */
const TEMPORAL_CAUSES: ReadonlyMap<string, string> = new Map([
  ['TimeoutFailure', 'The step did not end in the time that it has, or no worker took it.'],
  ['TerminatedFailure', 'The run was terminated.'],
]);

/** One sentence; a code that nobody knows is named in it. */
export function causeOf(errorCode: string): string {
  if (Object.hasOwn(ERRORS, errorCode)) return CAUSES[errorCode as ErrorCode];
  return TEMPORAL_CAUSES.get(errorCode) ?? `The step failed with an error that Millrace does not know (${errorCode}).`;
}
