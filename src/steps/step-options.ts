import type { StepLogs } from './step-logs.js';

export interface StepOptions {
  /** Takes secrets out of messages. */
  redact: (text: string) => string;
  /** Absent: logs go only where the worker's logger sends them. */
  logs?: StepLogs;
}
