import type { PastStep } from './past-steps.js';

/** Why a step runs again. */
export type RerunReason = 'asked for' | 'failed' | 'cancelled' | 'not finished' | 'after' | 'cleanup' | 'result cannot be handed over';

export interface RerunPlan {
  /** Their results are handed to the new run. */
  reused: PastStep[];
  /** What ran, or began to run, and runs again. Steps that the old run never came to are not known. */
  again: { step: PastStep; reason: RerunReason; after?: string }[];
}

const FINISHED: ReadonlySet<PastStep['state']> = new Set(['succeeded', 'skipped', 'reused']);

/**
 * What a re-run does: the chosen step, every step that was scheduled after it had ended, and every step that did not finish run
 * again; all others are reused. Without a chosen step, those that failed are. Pure.
 */
export function planRerun(steps: readonly PastStep[], from: PastStep | undefined): RerunPlan {
  const points = from === undefined ? steps.filter(({ state }) => state === 'failed') : [from];
  const first = points.toSorted((a, b) => endOf(a) - endOf(b))[0];
  const plan: RerunPlan = { reused: [], again: [] };
  for (const step of steps) {
    const reason = reasonOf(step, from, first);
    if (reason === undefined) plan.reused.push(step);
    else plan.again.push({ step, reason, ...(reason === 'after' && first !== undefined ? { after: first.id } : {}) });
  }
  return plan;
}

function reasonOf(step: PastStep, from: PastStep | undefined, first: PastStep | undefined): RerunReason | undefined {
  if (step === from) return 'asked for';
  if (step.cleanup) return 'cleanup';
  if (!FINISHED.has(step.state)) return step.state === 'open' ? 'not finished' : (step.state as 'failed' | 'cancelled');
  if (first !== undefined && step.scheduled > endOf(first)) return 'after';
  return isJson(step.result) ? undefined : 'result cannot be handed over';
}

/** A step that has not ended has nothing after it. */
function endOf({ ended }: PastStep): number {
  return ended ?? Infinity;
}

/** Results are handed over as JSON; bytes are not. */
function isJson(value: unknown): boolean {
  return !(value instanceof Uint8Array);
}
