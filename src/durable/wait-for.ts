import {
  ActivityFailure,
  ApplicationFailure,
  AsyncLocalStorage,
  CancellationScope,
  TimeoutFailure,
  defineSignal,
  isCancellation,
  proxyActivities,
  setHandler,
  type ActivityInterfaceFor,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { ErrorCode } from '../errors.js';
import { describeError, lastAttempt, type ErrorFacts } from './describe-error.js';
import { msToNumber, type Duration } from './duration.js';
import { currentScope, scopedName, withStepScope } from './step-scope.js';
import { moveStep, stepEntry } from './step-table.js';

/** How a sensor looks for what it waits for. */
export interface SensorPolicy {
  /** From the end of one look to the next. */
  every: Duration;
  /** From the start of the wait; then it ends as `WAIT_TIMED_OUT`. */
  timeout: Duration;
  /** What one look may take; default 1 minute. A look that is longer than 10 s has to heartbeat, which the plugin does for it. */
  lookTimeout?: Duration;
}

export interface WaitOptions {
  /** After the timeout `undefined` is returned and the step is shown as skipped; other errors still fail. */
  softFail?: boolean;
}

/** The signal that something has arrived: its argument is the wait's name, with its groups and key as step ids have them. */
export const arrivedSignal = defineSignal<[name: string]>('millrace.arrived');

const LOOK_TIMEOUT = '1m';

interface Wait {
  /** Milliseconds since the epoch: set by the first look, and kept by those that a signal asks for. */
  deadline?: number;
  /** When the present look was asked for. */
  since: number;
  policy?: SensorPolicy;
  lookNow: () => void;
}

/** Module state belongs to one run: the sandbox gives every workflow execution modules of its own. */
const open = new Map<string, Set<Wait>>();
const current = new AsyncLocalStorage<Wait>();
let handlerIsSet = false;

/**
 * Activities as sensors: a sensor is one activity call whose failed attempts are the looks. Between them nothing waits but the
 * server: no worker's slot is held, and the history does not grow.
 *
 *     const { salesFileArrived } = sensors<Activities>({ every: '1m', timeout: '6h' });
 */
export function sensors<A>(policy: SensorPolicy): ActivityInterfaceFor<A> {
  return new Proxy({} as ActivityInterfaceFor<A>, {
    get: (_, name) => (...args: unknown[]) => look(policy, String(name), args),
  });
}

function look(policy: SensorPolicy, activity: string, args: readonly unknown[]): Promise<unknown> {
  const wait = current.getStore();
  if (wait !== undefined) {
    wait.policy = policy;
    wait.since = Date.now();
    wait.deadline ??= wait.since + msToNumber(policy.timeout);
  }
  const sensor = proxyActivities<Record<string, (...args: unknown[]) => Promise<unknown>>>(sensorOptions(policy, wait?.deadline));
  return sensor[activity]!(...args);
}

/** A look that a signal asks for has what is left of the time, but always enough for one look: the wait may be held by then. */
function sensorOptions({ every, timeout, lookTimeout = LOOK_TIMEOUT }: SensorPolicy, deadline?: number): ActivityOptions {
  const left = deadline === undefined ? msToNumber(timeout) : deadline - Date.now();
  return {
    startToCloseTimeout: lookTimeout,
    scheduleToCloseTimeout: Math.max(left, msToNumber(lookTimeout)),
    heartbeatTimeout: '10s',
    // Looks change nothing outside: nobody has to wait for one that is not needed any more.
    cancellationType: 'TRY_CANCEL',
    retry: { initialInterval: every, maximumInterval: every, backoffCoefficient: 1 },
  };
}

/**
 * Waits for something outside (Airflow's sensor): `look` calls an activity of `sensors`, which throws `notYet(…)` as long as it has
 * not come, and returns what it has found.
 *
 *     const file = await waitFor('sales-file', () => salesFileArrived(interval));
 *
 * The signal `millrace.arrived` with the wait's name ends the wait at once, if it tells the truth: the sensor looks now. So a
 * notification may come twice, early, late or wrongly. `WAIT_TIMED_OUT` after the policy's timeout.
 */
export function waitFor<T>(name: string, look: () => Promise<T>, options: WaitOptions & { softFail: true }): Promise<T | undefined>;
export function waitFor<T>(name: string, look: () => Promise<T>, options?: WaitOptions): Promise<T>;
export async function waitFor<T>(name: string, look: () => Promise<T>, { softFail = false }: WaitOptions = {}): Promise<T | undefined> {
  listen();
  const id = scopedName(name);
  const wait: Wait = { since: Date.now(), lookNow: () => undefined };
  const waits = open.get(id) ?? new Set();
  open.set(id, waits.add(wait));
  const mayHold = currentScope().mayHold && !softFail;
  try {
    return await current.run(wait, () => withStepScope({ mayHold }, () => lookUntilFound(wait, look)));
  } catch (error) {
    if (!hasTimedOut(error)) throw error;
    const last = lastLook(error);
    const message = timedOutMessage(id, wait.policy, last);
    const row = stepEntry(error.activityId ?? '');
    // A source that is down is not one in which nothing has come.
    if (softFail && (last === undefined || last.type === ('NOT_YET' satisfies ErrorCode))) {
      if (row !== undefined) moveStep(row, 'skipped', { message });
      return undefined;
    }
    if (row !== undefined) moveStep(row, 'failed', { error: { type: 'WAIT_TIMED_OUT', message } });
    throw timedOut(error, message);
  } finally {
    waits.delete(wait);
    if (waits.size === 0) open.delete(id);
  }
}

/** Looks again for as long as a signal has ended the look before. */
async function lookUntilFound<T>(wait: Wait, look: () => Promise<T>): Promise<T> {
  for (;;) {
    const scope = new CancellationScope();
    let again = false;
    wait.lookNow = () => {
      if (!mayLookAgain(wait)) return;
      again = true;
      scope.cancel();
    };
    try {
      return await scope.run(look);
    } catch (error) {
      if (!again || !wasEnded(error) || CancellationScope.current().consideredCancelled) throw error;
      const row = error instanceof ActivityFailure ? stepEntry(error.activityId ?? '') : undefined;
      if (row !== undefined) moveStep(row, 'cancelled', { message: 'a signal came: looks again' });
    }
  }
}

/** After the timeout a look that is under way is not ended by yet another signal: signals cannot keep a wait alive. */
function mayLookAgain({ deadline, since, policy }: Wait): boolean {
  return deadline === undefined || Date.now() < deadline || Date.now() > since + msToNumber(policy?.lookTimeout ?? LOOK_TIMEOUT);
}

/** Ended by our cancellation: either it was waiting, or its running attempt failed after it had been asked to stop. */
function wasEnded(error: unknown): boolean {
  return isCancellation(error) || (error instanceof ActivityFailure && error.retryState === 'CANCEL_REQUESTED');
}

/** Temporal reports a timeout, or the last look's failure where the next look would have come too late. */
function hasTimedOut(error: unknown): error is ActivityFailure {
  if (!(error instanceof ActivityFailure)) return false;
  return error.cause instanceof TimeoutFailure ? error.cause.timeoutType === 'SCHEDULE_TO_CLOSE' : error.retryState === 'TIMEOUT';
}

/** What the last look ended with, where it ended by itself. */
function lastLook({ cause }: ActivityFailure): ErrorFacts | undefined {
  if (cause instanceof ApplicationFailure) return describeError(cause);
  return cause instanceof TimeoutFailure ? lastAttempt(cause) : undefined;
}

function timedOutMessage(id: string, policy: SensorPolicy | undefined, last: ErrorFacts | undefined): string {
  const timeout = policy?.timeout;
  const seen = last === undefined ? 'The last look did not end' : `The last look said: ${last.message}`;
  return `${id} has not come within ${typeof timeout === 'number' ? `${timeout} ms` : timeout}. ${seen}`;
}

/** Still the failure of that step, with a cause that says what was waited for. */
function timedOut({ activityType, activityId, identity }: ActivityFailure, message: string): ActivityFailure {
  const cause = ApplicationFailure.nonRetryable(message, 'WAIT_TIMED_OUT' satisfies ErrorCode);
  return new ActivityFailure('the wait has timed out', activityType, activityId, 'TIMEOUT', identity, cause);
}

function listen(): void {
  if (handlerIsSet) return;
  handlerIsSet = true;
  setHandler(
    arrivedSignal,
    (name) => {
      for (const wait of open.get(name) ?? []) wait.lookNow();
    },
    { description: 'Looks now for what the named wait waits for' },
  );
}
