import type { AlertSeverity } from '../alerts/routing.js';

/** What can be wrong with a pipeline and no run of it can tell. */
export type ProblemKind = 'missed-schedule' | 'no-workers' | 'stale-table' | 'slow-run' | 'ended-by-temporal' | 'not-looked-at';

export interface Problem {
  kind: ProblemKind;
  /** What tells it from others of its kind: a table's name, a part of the monitoring. */
  what?: string;
  severity: Exclude<AlertSeverity, 'info'>;
  /** One sentence, without secrets. */
  message: string;
}

/** Runs that have ended within the window, by how; those that an operator ended count neither way. */
export interface RunCounts {
  succeeded: number;
  failed: number;
  /** Ended by Temporal, because a timeout of the whole run was over. */
  timedOut: number;
  cancelled: number;
  terminated: number;
}

/** Seconds; see `judgeDuration`. */
export interface DurationHealth {
  /** Of the newest run: up to now where it is open. */
  last: number;
  open: boolean;
  /** Runs that it is compared with. */
  compared: number;
  median: number;
  /** Median absolute deviation, scaled to a standard deviation. */
  spread: number;
  /** What a run may take without being slow; absent where too few are there to compare with. */
  most?: number;
}

export interface ScheduleHealth {
  state: 'active' | 'paused' | 'not-applied';
  /** Times at which a run was due and none was started, ISO 8601 UTC; the newest last. */
  missed: readonly string[];
  /** The last of all times that were due. */
  lastDue?: string;
}

export interface TableAge {
  table: string;
  mostHours: number;
  /** Since the end of the newest interval in it; absent where nothing was ever published. */
  ageSeconds?: number;
  publishedAt?: string;
}

export interface LastRun {
  workflowId: string;
  state: 'completed' | 'failed' | 'timed-out';
}

/** Parts are absent where they could not be looked at, or do not apply. */
export interface PipelineHealth {
  pipeline: string;
  runs?: RunCounts;
  /** 0 to 1; absent where no run has ended. */
  successRate?: number;
  /** The run that ended last, unless an operator ended it. */
  last?: LastRun;
  duration?: DurationHealth;
  open?: number;
  /** Told by the runs themselves. */
  held?: number;
  /** Told by the workers' watch. */
  stuck?: number;
  schedule?: ScheduleHealth;
  /** Workers that poll its task queue. */
  workers?: number;
  tables?: readonly TableAge[];
  problems: readonly Problem[];
  /** What could not be looked at: nothing is said of these, neither good nor bad. */
  unknown: readonly ProblemKind[];
}

/** Something that the monitoring itself could not reach. */
export interface Unreached {
  /** `the tables`, `the metrics in cloudwatch` */
  part: string;
  /** Of which pipeline; absent where it concerns all of them. */
  pipeline?: string;
  /** Without secrets. */
  why: string;
}

export interface HealthReport {
  /** When it was looked, ISO 8601 UTC. */
  at: string;
  /** Of the counts of runs; half-open. */
  window: { start: string; end: string };
  pipelines: readonly PipelineHealth[];
  unreached: readonly Unreached[];
}

/** The same for a problem as long as it lasts. */
export function problemId({ kind, what }: Pick<Problem, 'kind' | 'what'>): string {
  return what === undefined ? kind : `${kind}:${what}`;
}

/** Unhealthy is also what others have told: a last run that failed, runs that are held or stuck. */
export function stateOfHealth({ problems, unknown, last, held = 0, stuck = 0 }: PipelineHealth): 'healthy' | 'unhealthy' | 'unknown' {
  if (problems.length > 0 || held > 0 || stuck > 0 || last?.state === 'failed') return 'unhealthy';
  return unknown.length > 0 ? 'unknown' : 'healthy';
}
