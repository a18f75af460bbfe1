import type { ActivityOptions } from '@temporalio/workflow';
import type { Duration } from '../src/durable/duration.js';
import type { SensorPolicy } from '../src/durable/wait-for.js';

/**
 * Named retry and timeout policies: no other file of `workflows/` holds a number of seconds.
 *
 * A heartbeat timeout of 6 s and a first wait of 2 s at most are what makes another worker take up the step of a killed one
 * within 10 s, instead of after the whole start-to-close timeout; the step interceptor sends the heartbeats. A cancelled step is
 * over when its outside work has been stopped: cleanup must not race with it.
 */
const STEP: ActivityOptions = { startToCloseTimeout: '2h', heartbeatTimeout: '6s', cancellationType: 'WAIT_CANCELLATION_COMPLETED' };

type Wait = NonNullable<NonNullable<ActivityOptions['retry']>['initialInterval']>;

/** The wait doubles from `first` up to `most`; `attempts` counts the first one too. */
function exponential(first: Wait, most: Wait, attempts: number): ActivityOptions {
  return { retry: { initialInterval: first, backoffCoefficient: 2, maximumInterval: most, maximumAttempts: attempts } };
}

/** Reads a database or an object store: a lost connection is worth several attempts. */
export const EXTRACT: ActivityOptions = { ...STEP, ...exponential('2s', '1m', 6) };

/** Calls somebody's API: 3 retries. */
export const API: ActivityOptions = { ...STEP, startToCloseTimeout: '30m', ...exponential('2s', '1m', 4) };

/** Looks for files that arrive. */
export const ARRIVAL: SensorPolicy = { every: '60s', timeout: '3600s' };

/** After this long without a message a stream's sensor begins anew; one that cannot even look fails soon after. */
export const STREAM_IDLE_MS = 30 * 60_000;

/** Looks whether there is something to load, for a stream that loads every so many seconds. */
export function streamLooks(seconds: number): SensorPolicy {
  return { every: Math.min(seconds * 1000, 2000), timeout: STREAM_IDLE_MS + 5 * 60_000 };
}

/** Invokes a function: one invocation of Lambda ends within 15 minutes, and a throttled one is worth many attempts. */
export const FUNCTION: ActivityOptions = { ...STEP, startToCloseTimeout: '20m', ...exponential('2s', '1m', 8) };

/** Files that a run works on at a time: each takes some memory of the worker, however many there are. */
export const FILES_AT_A_TIME = 16;

/** For whoever would rather wait: 3 retries after 5, 10 and 20 minutes, and never more than 30. A step is given up after 6 hours. */
export const PATIENT: ActivityOptions = { ...STEP, startToCloseTimeout: '1h', scheduleToCloseTimeout: '6h', ...exponential('5m', '30m', 4) };

/** Computes on staged files: what fails is mostly the machine. */
export const TRANSFORM: ActivityOptions = { ...STEP, ...exponential('1s', '30s', 4) };

/** Writes to or reads from the warehouse: a maintenance window should not fail a night. */
export const WAREHOUSE: ActivityOptions = { ...STEP, ...exponential('2s', '2m', 8) };

/** Looks at other pipelines: what it cannot reach within a minute it says, and goes on. */
export const MONITOR: ActivityOptions = { ...STEP, startToCloseTimeout: '10m', ...exponential('2s', '30s', 6) };

/** A run may be seen by others so much after it has ended. */
export const VISIBLE_AFTER: Duration = '30s';

/** Removes what the run no longer needs. */
export const CLEANUP: ActivityOptions = { ...STEP, startToCloseTimeout: '10m', ...exponential('1s', '30s', 6) };

/** Looks whether a run has ended: each failed attempt is a look that found it open, for as long as that takes. */
export const OPEN_RUN: ActivityOptions = { ...STEP, startToCloseTimeout: '1m', retry: { initialInterval: '5s', backoffCoefficient: 1 } };
