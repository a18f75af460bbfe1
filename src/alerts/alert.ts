/** What people are told of a run that has failed for good. Holds no secrets: whoever makes it has taken them out. */
export interface RunFailedAlert {
  pipeline: string;
  /** Half-open, ISO 8601 UTC; absent where the run failed before it had one. */
  interval?: { label: string; start: string; end: string };
  /** Workflow id. */
  run: string;
  runId: string;
  /** Absent where the run failed outside a step (bad parameters). */
  failedStep?: string;
  /** Of the failed step, where known. */
  attempts?: number;
  /** A code of `src/errors.ts`, or the name of whatever error it was. */
  errorCode: string;
  lastError: string;
  startedAt: string;
  failedAt: string;
  /** The run's page in Temporal's Web UI. */
  webUiUrl?: string;
  owner: string;
}

/** An alert as one channel sends it. */
export interface RenderedAlert {
  /** One line. */
  subject: string;
  text: string;
  html: string;
}
