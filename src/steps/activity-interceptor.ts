import type { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory, type LogLevel, type Logger } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, ActivityInterceptorsFactory, Next } from '@temporalio/worker';
import type { LogRecord } from './log-format.js';
import { holdingSlot } from './pool-leases.js';
import { latestProgress } from './progress.js';
import { guardResultSize, redactValue, toFailure } from './step-failures.js';
import type { StepLogs } from './step-logs.js';

export interface StepOptions {
  /** Takes secrets out of messages. */
  redact: (text: string) => string;
  /** Absent: logs go only where the worker's logger sends them. */
  logs?: StepLogs;
}

/** Around every attempt of a step: its log, its heartbeats, the size of its result, and what Temporal is told of its error. */
export function stepInterceptor(options: StepOptions): ActivityInterceptorsFactory {
  return (context) => ({ inbound: aroundAttempt(context, options) });
}

function aroundAttempt(context: Context, options: StepOptions): ActivityInboundCallsInterceptor {
  return {
    async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>) {
      const { activityId, attempt } = context.info;
      context.log = teeLogger(context, options);
      const started = performance.now();
      const seconds = (): string => ((performance.now() - started) / 1000).toFixed(2);
      context.log.debug(`attempt ${attempt} started`);
      const heartbeats = keepBeating(context);
      try {
        const result = await holdingSlot(context, input.headers, () => next(input));
        guardResultSize(activityId, result);
        context.log.debug(`attempt ${attempt} finished after ${seconds()} s`);
        return result;
      } catch (error) {
        const failure = toFailure(error, context.cancellationSignal, options.redact);
        context.log[isBenign(failure) ? 'info' : 'error'](`attempt ${attempt} ended after ${seconds()} s: ${failure.message}`);
        throw failure;
      } finally {
        clearInterval(heartbeats);
      }
    },
  };
}

/** A sensor that has looked and found nothing is no error. */
function isBenign(failure: Error): boolean {
  return failure instanceof ApplicationFailure && failure.category === ApplicationFailureCategory.BENIGN;
}

/**
 * Heartbeats for as long as the attempt lives: this is how a killed worker is noticed within the heartbeat timeout, and how a
 * running step learns that it was cancelled.
 */
function keepBeating(context: Context): NodeJS.Timeout | undefined {
  const timeout = context.info.heartbeatTimeoutMs;
  if (timeout === undefined || timeout === 0) return undefined;
  return setInterval(() => context.heartbeat(latestProgress(context)), timeout / 4).unref();
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const satisfies readonly Lowercase<LogLevel>[];

/** The worker's logger, and beside it the run's own log in the object store. */
function teeLogger(context: Context, { logs, redact }: StepOptions): Logger {
  const original = context.log;
  const { workflowExecution, activityId, attempt } = context.info;
  const record = (level: LogRecord['level'], message: string, attributes?: Record<string, unknown>): void => {
    if (logs === undefined || workflowExecution === undefined) return;
    logs.append(workflowExecution, {
      time: new Date().toISOString(),
      level,
      step: activityId,
      attempt,
      message: redact(message),
      ...(attributes === undefined ? {} : { attributes: redactValue(attributes, redact) }),
    });
  };
  const methods = LEVELS.map((level) => [
    level,
    (message: string, attributes?: Record<string, unknown>) => {
      original[level](redact(message), attributes);
      record(level, message, attributes);
    },
  ]);
  return {
    ...(Object.fromEntries(methods) as Omit<Logger, 'log'>),
    log(level, message, attributes) {
      original.log(level, redact(message), attributes);
      record(level.toLowerCase() as LogRecord['level'], message, attributes);
    },
  };
}
