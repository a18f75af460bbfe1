import type { ActivityOptions } from '@temporalio/workflow';
import { msToNumber } from '../durable/duration.js';

/** Temporal's own defaults. */
const FIRST_WAIT_MS = 1000;
const COEFFICIENT = 2;
const MOST_OF_FIRST = 100;

/**
 * The options for scheduling an activity again that has used some of its attempts and time, so that both schedules together are
 * what its policy allows: attempts go on being counted, waits go on growing. `undefined` when no attempt is left.
 */
export function optionsAfter(options: ActivityOptions, attemptsUsed: number, elapsedMs: number): ActivityOptions | undefined {
  const { retry = {}, scheduleToCloseTimeout } = options;
  const { maximumAttempts, initialInterval, maximumInterval, backoffCoefficient = COEFFICIENT } = retry;
  const attemptsLeft = maximumAttempts === undefined ? undefined : maximumAttempts - attemptsUsed;
  if (attemptsLeft !== undefined && attemptsLeft < 1) return undefined;
  const first = initialInterval === undefined ? FIRST_WAIT_MS : msToNumber(initialInterval);
  const most = maximumInterval === undefined ? first * MOST_OF_FIRST : msToNumber(maximumInterval);
  return {
    ...options,
    retry: {
      ...retry,
      initialInterval: Math.min(most, first * backoffCoefficient ** attemptsUsed),
      maximumInterval: most,
      ...(attemptsLeft === undefined ? {} : { maximumAttempts: attemptsLeft }),
    },
    ...(scheduleToCloseTimeout === undefined ? {} : { scheduleToCloseTimeout: Math.max(1, msToNumber(scheduleToCloseTimeout) - elapsedMs) }),
  };
}
