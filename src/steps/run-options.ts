import type { AlertRoute } from '../alerts/routing.js';

/**
 * How a run behaves for its operator. Written into the run's memo when it is started (`memo.millrace`), so that it is fixed for
 * that run, replays with it, and can be given by any client in any language. Sandbox-safe.
 */
export interface RunOptions {
  /** When a step has failed for good: end the run, or wait for the operator. Default `fail`. */
  onStepFailure?: 'fail' | 'hold';
  /** How long a hold may last, as `ms` reads it (`12h`). Default `24h`. Then the step fails. */
  holdFor?: string;
  /** From the run's start, as `ms` reads it (`2h`); the run goes on when it is over, and people are told. */
  deadline?: string;
  /** 1 (goes first) to 5, as Temporal's priority key: for its tasks, and for slots of pools. Default 3. */
  priority?: number;
  /** Where this run's alerts go, instead of where the catalog says. */
  alerts?: readonly AlertRoute[];
}

/** Key of the options in a run's memo. */
export const RUN_OPTIONS_MEMO = 'millrace';
