import type { StepEntry } from '../durable/step-table.js';
import { defined } from './event-times.js';
import { groupOf } from './find-step.js';
import type { StepView } from './run-view.js';

/**
 * What the history tells of steps, joined with what the run itself does, in the run's order. Both were read at different
 * moments, so each is believed in what it cannot be late with: the history that a step has ended or runs, the run that it is
 * held, skipped or reused.
 */
export function joinSteps(fromHistory: readonly StepView[], entries: readonly StepEntry[], now: number): StepView[] {
  const byId = new Map(fromHistory.map((step) => [step.id, step]));
  const joined = entries.map((entry) => joinStep(byId.get(entry.id), entry, now));
  const known = new Set(entries.map(({ id }) => id));
  return [...joined, ...fromHistory.filter(({ id }) => !known.has(id))];
}

function joinStep(step: StepView | undefined, entry: StepEntry, now: number): StepView {
  if (step === undefined) return viewOfEntry(entry, now);
  const { kind, message, heldUntil, rows, error } = entry;
  // The history knows of no hold: to it the step has failed.
  if (!hasFailed(step) || entry.state === 'running') return { ...step, ...defined({ kind, message: hasFailed(step) ? undefined : message }) };
  return { ...step, state: entry.state, ...defined({ kind, message, heldUntil, rows: rows ?? step.rows, error: error ?? step.error, endedAt: entry.state === 'held' ? step.endedAt : (entry.endedAt ?? step.endedAt) }) };
}

function hasFailed({ state }: StepView): boolean {
  return state === 'failed' || state === 'cancelled' || state === 'skipped';
}

/** A row that has no activity behind it, or none yet. */
function viewOfEntry(entry: StepEntry, now: number): StepView {
  const { id, activity, kind, state, scheduledAt, endedAt, rows, error, message, heldUntil } = entry;
  const lasts = kind === 'approval' || kind === 'child';
  const durationMs = lasts ? Math.max(0, (endedAt === undefined ? now : Date.parse(endedAt)) - Date.parse(scheduledAt)) : undefined;
  return { id, activity, kind, state, attempts: 0, scheduledAt, ...defined({ group: groupOf(id), startedAt: lasts ? scheduledAt : undefined, endedAt, durationMs, rows, error, message, heldUntil }) };
}
