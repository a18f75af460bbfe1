import { ApplicationFailure } from '@temporalio/workflow';
import type { ErrorCode } from '../errors.js';

/** Ends the run: parameters do not become right by themselves. */
export function badParams(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'BAD_PARAMS' satisfies ErrorCode);
}
