import type { RunEvent } from '../durable/run-events.js';

/** What people may be told of a run. Holds no secrets: whoever makes it has taken them out. */
export type AlertEvent = (ToldEvent | StuckEvent | HealthEvent | RecoveredEvent | EndedEvent) & {
  /** When it happened, ISO 8601 UTC. */
  at: string;
};

type ToldEvent = Exclude<RunEvent, { kind: 'failed' | 'recovered' }> | FailedEvent;

/** `afterHold`: the step had been held, and people were told so. */
type FailedEvent = Extract<RunEvent, { kind: 'failed' }> & { afterHold?: boolean };

/** Seen from outside: the run's own code cannot go on, and Temporal tries it again and again. */
export interface StuckEvent {
  kind: 'stuck';
  errorCode: string;
  message: string;
}

/** Seen by the monitoring of pipelines: trouble that no run can tell itself, and its end. */
export interface HealthEvent {
  kind: 'unhealthy' | 'well-again';
  /** The gravest of the trouble that is there, or was. */
  severity: 'warning' | 'error';
  /** Those that have come, or are over; `since`: ISO 8601 UTC, when they were first seen. */
  problems: readonly { message: string; since: string }[];
  /** All of the pipeline that are still there. */
  open: number;
}

/** All that was held goes on; `steps` are those that were since the last one. */
export interface RecoveredEvent {
  kind: 'recovered';
  steps: readonly Omit<Extract<RunEvent, { kind: 'recovered' }>, 'kind'>[];
}

/** The run needs nobody any more: an open incident can be closed. */
export interface EndedEvent {
  kind: 'ended';
  outcome: 'completed' | 'cancelled';
}

/** The run that an alert is about. */
export interface AlertedRun {
  pipeline: string;
  owner: string;
  /** Goes on where it was when it is started again: it is about no interval, and is not re-run. */
  continuous?: boolean;
  /** Absent where the run had none yet; its ends (half-open, ISO 8601 UTC) where only the run itself knows them. */
  interval?: { label: string; start?: string; end?: string };
  /** What an incident service is to know the trouble by, where it is of no single interval. */
  incident?: string;
  workflowId: string;
  runId: string;
  startedAt: string;
  /** The run's page in Temporal's Web UI. */
  webUiUrl?: string;
}

/** One message: what happened in a run since the last one, in the order in which it did. Never empty. */
export interface Alert {
  /** The same for every attempt to tell it. */
  id: string;
  run: AlertedRun;
  events: readonly AlertEvent[];
}

/** Where alerts go. Errors: `ALERT_UNDELIVERED` (retryable: down, slow, busy), `ALERT_REJECTED` (somebody has to correct something). */
export interface AlertSink {
  /** For messages, without secrets. */
  readonly description: string;
  /** Resolves when it is taken, with a remark where not everybody was reached. */
  deliver(alert: Alert, signal?: AbortSignal): Promise<string | undefined>;
  /** One sentence when alerts can be sent there; else throws. Used by `millrace connections check`; tells nobody anything. */
  check(): Promise<string>;
  close(): Promise<void>;
}
