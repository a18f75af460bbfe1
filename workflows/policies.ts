import type { ActivityOptions } from '@temporalio/workflow';

/**
 * Named retry and timeout policies: no other file of `workflows/` holds a number of seconds.
 *
 * A heartbeat timeout of 10 s is what makes another worker take up the step of a killed one soon, instead of after the whole
 * start-to-close timeout; the step interceptor sends the heartbeats.
 */
const heartbeatTimeout = '10s';

/** A cancelled step is over when its outside work has been stopped: cleanup must not race with it. */
const cancellationType = 'WAIT_CANCELLATION_COMPLETED';

/** Reads a database or an object store: a lost connection is worth several attempts. */
export const EXTRACT: ActivityOptions = {
  startToCloseTimeout: '2h',
  heartbeatTimeout,
  cancellationType,
  retry: { initialInterval: '2s', backoffCoefficient: 2, maximumInterval: '1m', maximumAttempts: 6 },
};

/** Calls somebody's API: the first attempt and 3 retries, exponential. */
export const API: ActivityOptions = {
  startToCloseTimeout: '30m',
  heartbeatTimeout,
  cancellationType,
  retry: { initialInterval: '2s', backoffCoefficient: 2, maximumInterval: '1m', maximumAttempts: 4 },
};

/** Computes on staged files: what fails is mostly the machine. */
export const TRANSFORM: ActivityOptions = {
  startToCloseTimeout: '2h',
  heartbeatTimeout,
  cancellationType,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s', maximumAttempts: 4 },
};

/** Writes to or reads from the warehouse: a maintenance window should not fail a night. */
export const WAREHOUSE: ActivityOptions = {
  startToCloseTimeout: '2h',
  heartbeatTimeout,
  cancellationType,
  retry: { initialInterval: '2s', backoffCoefficient: 2, maximumInterval: '2m', maximumAttempts: 8 },
};

/** Removes what the run no longer needs. */
export const CLEANUP: ActivityOptions = {
  startToCloseTimeout: '10m',
  heartbeatTimeout,
  cancellationType,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s', maximumAttempts: 6 },
};
