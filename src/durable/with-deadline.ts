import { CancellationScope, sleep } from '@temporalio/workflow';
import { badParams } from './failures.js';
import { msToNumber, type Duration } from './duration.js';
import { emitRunEvent } from './run-events.js';

/** Either how long the body may take, or when it has to be over (ISO 8601 with an offset). */
export type Deadline = { name: string } & ({ within: Duration } | { at: string });

/**
 * Tells people once when `body` is late, and lets it go on (Airflow's deadline alert). Works around a step, a group or all of a
 * run; `name` is what the alert calls it.
 *
 *     await withDeadline({ name: 'extract', within: '2h' }, () => taskGroup('extract', extractEverything));
 */
export async function withDeadline<T>(deadline: Deadline, body: () => Promise<T>): Promise<T> {
  const due = dueTime(deadline);
  const timer = new CancellationScope();
  timer
    .run(() => sleep(Math.max(0, due - Date.now()), { summary: `deadline of ${deadline.name}` }))
    .then(() => emitRunEvent({ kind: 'deadline-missed', what: deadline.name, due: new Date(due).toISOString() }))
    // Only a timer that is cancelled fails: the body has ended, or the run is being cancelled.
    .catch(() => undefined);
  try {
    return await body();
  } finally {
    timer.cancel();
  }
}

/** Milliseconds since the epoch. */
function dueTime(deadline: Deadline): number {
  if ('within' in deadline) return Date.now() + msToNumber(deadline.within);
  const due = Date.parse(deadline.at);
  if (Number.isNaN(due)) throw badParams(`the deadline of ${deadline.name}, "${deadline.at}", is not a time such as 2010-12-01T06:00:00Z`);
  return due;
}
