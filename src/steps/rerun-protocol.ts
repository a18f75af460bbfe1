import type { RerunOrigin } from '../durable/rerun.js';

/**
 * How a re-run gets what the old run has finished: a header says where it comes from and how many parts follow, and each part is
 * a signal, because signals go through the payload codec (headers do not) and together may be larger than one message.
 */
export const RERUN_HEADER = 'millrace-rerun';
export const SEED_SIGNAL = 'millrace.seed';

/** On every child workflow: its step id in the parent, which the parent's history would not tell otherwise. */
export const STEP_HEADER = 'millrace-step';

/** On every activity of a cleanup: it is never reused. */
export const CLEANUP_HEADER = 'millrace-cleanup';

/** On a run that continues as new while it is paused: its `Pause`, which holds on. */
export const PAUSE_HEADER = 'millrace-pause';

export interface RerunHeader extends RerunOrigin {
  /** How many signals carry the results; 0 when nothing is reused. */
  parts: number;
}

export interface SeedPart {
  /** By step id; without `value` for a step that returned nothing. */
  results: Record<string, { value?: unknown }>;
}
