/**
 * How step logs lie in the object store: `logs/<workflow id>/<run id>/<writer>-<segment>.jsonl`, one JSON line per record, of
 * all steps of that run that one worker ran. A reader merges the segments and sorts by time and sequence.
 */
export interface LogRecord {
  /** ISO 8601 UTC with milliseconds. */
  time: string;
  /** Order within the same writer. */
  seq: number;
  level: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  step: string;
  attempt: number;
  message: string;
  /** Small structured facts; secrets are redacted before they come here. */
  attributes?: Record<string, unknown>;
}

/** The folder of one run's log segments; both ids are encoded, since a workflow id may hold any character. */
export function logPrefix(workflowId: string, runId: string): string {
  return `logs/${encodeURIComponent(workflowId).replaceAll('.', '%2E')}/${encodeURIComponent(runId)}/`;
}
