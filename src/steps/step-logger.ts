import type { Context } from '@temporalio/activity';
import type { LogLevel, Logger } from '@temporalio/common';
import type { LogRecord } from './log-format.js';
import { redactValue } from './step-failures.js';
import type { StepOptions } from './step-options.js';

type Attributes = Record<string, unknown>;

/** The logger of one attempt: the worker's, and beside it the run's own log in the object store. One is made for every attempt, so that making it must cost nothing. */
export class StepLogger implements Logger {
  readonly #worker: Logger;

  constructor(
    private readonly context: Context,
    private readonly options: StepOptions,
  ) {
    this.#worker = context.log;
  }

  log(level: LogLevel, message: string, attributes?: Attributes): void {
    this.#worker.log(level, this.options.redact(message), attributes);
    this.record(level.toLowerCase() as LogRecord['level'], message, attributes);
  }

  trace(message: string, attributes?: Attributes): void {
    this.log('TRACE', message, attributes);
  }

  debug(message: string, attributes?: Attributes): void {
    this.log('DEBUG', message, attributes);
  }

  info(message: string, attributes?: Attributes): void {
    this.log('INFO', message, attributes);
  }

  warn(message: string, attributes?: Attributes): void {
    this.log('WARN', message, attributes);
  }

  error(message: string, attributes?: Attributes): void {
    this.log('ERROR', message, attributes);
  }

  /** To the run's own log only: for what the worker's log has from Temporal's SDK. */
  record(level: LogRecord['level'], message: string, attributes?: Attributes): void {
    const { logs, redact } = this.options;
    const { workflowExecution, activityId: step, attempt } = this.context.info;
    if (logs === undefined || workflowExecution === undefined) return;
    const fact = { time: new Date().toISOString(), level, step, attempt, message: redact(message) };
    logs.append(workflowExecution, attributes === undefined ? fact : { ...fact, attributes: redactValue(attributes, redact) });
  }
}
