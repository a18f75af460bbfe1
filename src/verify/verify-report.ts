import type { KillPlace } from './gate-files.js';
import type { TablePrint } from './table-prints.js';

/** `unreached`: the step was over before, or did not run. */
export type KillOutcome = 'same' | 'different' | 'failed' | 'not-ended' | 'unreached';

/** One kill, and what became of its run. */
export interface KillReport {
  step: string;
  place: KillPlace;
  outcome: KillOutcome;
  /** From the kill to the begin of the step's next attempt. */
  takenUpAfterMs?: number;
  /** That the step needed in this run. */
  attempts: number;
  /** Workflow id of its run; several kills share one. */
  run: string;
  /** Tables that differ, or why the run failed. */
  note?: string;
}

export interface VerifyReport {
  /** Of the undisturbed run, by table. */
  tables: Record<string, TablePrint>;
  /** Steps of the undisturbed run; of those that belong together only some are killed. */
  steps: { total: number; killed: number };
  /** How many disturbed runs there were. */
  runs: number;
  kills: KillReport[];
  durationMs: number;
}

/** Whether every kill left the tables as they are without it. */
export function isSame({ kills }: VerifyReport): boolean {
  return kills.every(({ outcome }) => outcome === 'same' || outcome === 'unreached');
}
