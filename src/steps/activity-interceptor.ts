import type { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, ActivityInterceptorsFactory, Next } from '@temporalio/worker';
import { holdingSlot } from './pool-leases.js';
import { latestProgress } from './progress.js';
import { guardResultSize, toFailure } from './step-failures.js';
import { StepLogger } from './step-logger.js';
import type { StepOptions } from './step-options.js';

/** Around every attempt of a step: its log, its heartbeats, the size of its result, and what Temporal is told of its error. */
export function stepInterceptor(options: StepOptions): ActivityInterceptorsFactory {
  return (context) => ({ inbound: aroundAttempt(context, options) });
}

function aroundAttempt(context: Context, options: StepOptions): ActivityInboundCallsInterceptor {
  return {
    async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>) {
      const { activityId, attempt } = context.info;
      const log = new StepLogger(context, options);
      context.log = log;
      const started = performance.now();
      const seconds = (): string => ((performance.now() - started) / 1000).toFixed(2);
      log.record('debug', `attempt ${attempt} started`);
      const heartbeats = keepBeating(context);
      try {
        const result = await holdingSlot(context, input.headers, () => next(input));
        guardResultSize(activityId, result);
        log.record('debug', `attempt ${attempt} finished after ${seconds()} s`);
        return result;
      } catch (error) {
        const failure = toFailure(error, context.cancellationSignal, options.redact);
        log[isBenign(failure) ? 'info' : 'error'](`attempt ${attempt} ended after ${seconds()} s: ${failure.message}`);
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
