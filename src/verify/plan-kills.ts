import { stepName } from '../runs/step-name.js';
import { KILL_PLACES, type KillPlace } from './gate-files.js';
import { overlap, type ObservedStep } from './observed-steps.js';

export interface PlannedKill {
  step: string;
  place: KillPlace;
  /** How long after the step's begin the kill in its middle comes. */
  afterMs: number;
}

/**
 * Temporal counts a killed attempt like any other, and waits longer after each. Two are what every step bears without a run
 * that mostly waits.
 */
const MOST_INTERRUPTIONS = 2;

/**
 * Spreads a kill at the start, in the middle and at the end of every step over as few runs as their attempts allow. A kill ends
 * the attempts of all steps that are on the worker at that moment, so that steps side by side share what they can bear; steps
 * after each other can all be killed in one run.
 */
export function planKills(steps: readonly ObservedStep[]): PlannedKill[][] {
  const runs: { kills: PlannedKill[]; interruptions: Map<string, number> }[] = [];
  const neighbours = new Map(steps.map((step) => [step.id, steps.filter((other) => overlap(step, other))]));
  const bears = ({ maximumAttempts }: ObservedStep): number => Math.min(MOST_INTERRUPTIONS, maximumAttempts - 1);

  // Those that share with most others first: they decide how many runs there are, and the rest fills them evenly.
  for (const step of steps.toSorted((a, b) => neighbours.get(b.id)!.length - neighbours.get(a.id)!.length)) {
    const interrupted = neighbours.get(step.id)!;
    for (const place of KILL_PLACES) {
      const [calmest] = runs
        .filter(({ interruptions }) => interrupted.every((other) => (interruptions.get(other.id) ?? 0) < bears(other)))
        .sort((a, b) => a.kills.length - b.kills.length);
      const run = calmest ?? { kills: [], interruptions: new Map<string, number>() };
      if (calmest === undefined) runs.push(run);
      run.kills.push({ step: step.id, place, afterMs: Math.max(1, Math.round(step.durationMs / 3)) });
      for (const { id } of interrupted) run.interruptions.set(id, (run.interruptions.get(id) ?? 0) + 1);
    }
  }
  return runs.map(({ kills }) => kills);
}

/** The steps with one of these ids or names; `train` is every `train[…]`. */
export function chosen(steps: readonly ObservedStep[], names: readonly string[]): ObservedStep[] {
  return steps.filter((step) => names.includes(step.id) || names.includes(stepName(step.id)));
}

/** Of the steps of a map, and of calls of the same name, the first and the last one stand for all. */
export function representatives(steps: readonly ObservedStep[]): ObservedStep[] {
  const first = new Map(steps.toReversed().map((step) => [stepName(step.id), step]));
  const last = new Map(steps.map((step) => [stepName(step.id), step]));
  return steps.filter((step) => first.get(stepName(step.id)) === step || last.get(stepName(step.id)) === step);
}
