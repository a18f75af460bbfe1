/** What a failed run hands over to `deliverAlert`. Small, and without secrets: messages were redacted by the step that failed. */
export interface RunFailure {
  workflowType: string;
  workflowId: string;
  runId: string;
  namespace: string;
  /** Absent where the run failed before it had an interval. */
  interval?: { label: string; start: string; end: string };
  /** Absent where the run failed outside a step (bad parameters). */
  failedStep?: string;
  /** A code of `src/errors.ts`, or the name of whatever error it was. */
  errorCode: string;
  lastError: string;
  startedAt: string;
  failedAt: string;
}
