/**
 * The steps of this run, as the workflow itself knows them: what the query `steps` and the Web UI's current details show.
 * Attempts and progress are not here: Temporal keeps them outside of the workflow (`src/runs` joins both).
 */

/** `waiting` for a worker, a pool or a pause to end; `reused` from the run that this one re-runs. */
export type StepState = 'waiting' | 'running' | 'retrying' | 'held' | 'succeeded' | 'failed' | 'skipped' | 'reused' | 'cancelled';

/** What stands behind a row: most are activities; a branch is one that was not taken. */
export type StepKind = 'activity' | 'child' | 'approval' | 'branch';

/** Times are ISO 8601 UTC, by the workflow's clock. */
export interface StepEntry {
  /** Stable and readable: `extract.extractSales`, `train[resnet]`, `poll#2`. */
  id: string;
  /** Type of the activity or child workflow; of other kinds the kind. */
  activity: string;
  kind: StepKind;
  state: StepState;
  scheduledAt: string;
  endedAt?: string;
  /** What its result speaks of, where it does. */
  rows?: number;
  error?: { type: string; message: string };
  /** One line: why it waits, or who skipped it and why. */
  message?: string;
  /** While it is held: when the run gives up waiting. */
  heldUntil?: string;
}

/** Module state belongs to one run: the sandbox gives every workflow execution modules of its own. */
const entries = new Map<string, StepEntry>();
const counts = new Map<StepState, number>();

/** All steps, in the order in which they came. */
export function stepEntries(): readonly StepEntry[] {
  return [...entries.values()];
}

export function stepEntry(id: string): StepEntry | undefined {
  return entries.get(id);
}

/** How many steps are in a state: kept up to date by every change, so that asking costs nothing. */
export function stepCount(state: StepState): number {
  return counts.get(state) ?? 0;
}

/** The name, or with `#2`, `#3` … where a row has it already. */
export function freeId(name: string): string {
  let id = name;
  for (let call = 2; entries.has(id); call += 1) id = `${name}#${call}`;
  return id;
}

/** A new row. An id that is there already is taken over by the new one. */
export function addStep(entry: Omit<StepEntry, 'scheduledAt'>): StepEntry {
  const before = entries.get(entry.id);
  if (before !== undefined) count(before.state, -1);
  const row: StepEntry = { ...entry, scheduledAt: new Date().toISOString() };
  entries.set(entry.id, row);
  count(row.state, 1);
  return row;
}

/** Moves a step to a state; facts of the state before (`error`, `message`, `heldUntil`) go unless they are given again. */
export function moveStep(row: StepEntry, state: StepState, facts: Partial<Pick<StepEntry, 'rows' | 'error' | 'message' | 'heldUntil'>> = {}): void {
  count(row.state, -1);
  count(state, 1);
  row.state = state;
  for (const fact of FACTS_OF_A_STATE) if (fact in row) delete row[fact];
  Object.assign(row, facts);
  if (ENDED.has(state)) row.endedAt = new Date().toISOString();
}

/** Deleted only where they are: an object from which something was deleted is a slow one from then on. */
const FACTS_OF_A_STATE = ['error', 'message', 'heldUntil', 'endedAt'] as const;

const ENDED: ReadonlySet<StepState> = new Set(['succeeded', 'failed', 'skipped', 'reused', 'cancelled']);

function count(state: StepState, by: 1 | -1): void {
  counts.set(state, (counts.get(state) ?? 0) + by);
}
