import {
  ActivityFailure,
  ContinueAsNew,
  ParentClosePolicy,
  TemporalFailure,
  isCancellation,
  log,
  startChild,
  workflowInfo,
  type ActivityInput,
  type Next,
  type WorkflowExecuteInput,
  type WorkflowInboundCallsInterceptor,
  type WorkflowInterceptorsFactory,
  type WorkflowOutboundCallsInterceptor,
} from '@temporalio/workflow';
import { pipelineOfWorkflow } from '../catalog.js';
import { currentScope, trackStep } from '../durable/step-scope.js';
import { isInterval } from './interval-of-run.js';
import type { deliverAlert } from './deliver-alert.js';
import type { RunFailure } from './run-failure.js';
import { createStepIds, stepSummary } from './step-id.js';

/** Gives every activity call its readable id and summary: Temporal's own reset and activity commands then find it by that id. */
function stepNaming(): WorkflowOutboundCallsInterceptor {
  const stepId = createStepIds();
  return {
    scheduleActivity(input: ActivityInput, next: Next<WorkflowOutboundCallsInterceptor, 'scheduleActivity'>) {
      const activityId = input.options.activityId ?? stepId(input.activityType, currentScope());
      const summary = input.options.summary ?? stepSummary(input.args);
      const step = next({ ...input, options: { ...input.options, activityId, ...(summary === undefined ? {} : { summary }) } });
      trackStep(step);
      return step;
    },
  };
}

/** Tells people of a run that has failed for good; the run's own outcome stays what it was, whatever becomes of the alert. */
function failureAlert(): WorkflowInboundCallsInterceptor & WorkflowOutboundCallsInterceptor {
  let interval: { label: string; start: string; end: string } | undefined;
  return {
    scheduleActivity(input: ActivityInput, next: Next<WorkflowOutboundCallsInterceptor, 'scheduleActivity'>) {
      interval ??= input.args.find(isInterval);
      return next(input);
    },
    async execute(input: WorkflowExecuteInput, next: Next<WorkflowInboundCallsInterceptor, 'execute'>) {
      try {
        return await next(input);
      } catch (error) {
        if (isFinalFailure(error)) await handOver(describeFailure(error, interval));
        throw error;
      }
    },
  };
}

/** A plain Error only fails the workflow task, which Temporal retries; a cancelled run was ended on purpose. */
function isFinalFailure(error: unknown): error is TemporalFailure {
  return error instanceof TemporalFailure && !(error instanceof ContinueAsNew) && !isCancellation(error);
}

function describeFailure(error: TemporalFailure, interval: RunFailure['interval']): RunFailure {
  const step = error instanceof ActivityFailure ? error.activityId : undefined;
  const cause = error instanceof ActivityFailure && error.cause !== undefined ? error.cause : error;
  const info = workflowInfo();
  return {
    workflowType: info.workflowType,
    workflowId: info.workflowId,
    runId: info.runId,
    namespace: info.namespace,
    startedAt: info.startTime.toISOString(),
    failedAt: new Date().toISOString(),
    errorCode: 'type' in cause && typeof cause.type === 'string' ? cause.type : cause.name,
    lastError: cause.message,
    ...(interval === undefined ? {} : { interval: { label: interval.label, start: interval.start, end: interval.end } }),
    ...(step === undefined ? {} : { failedStep: step }),
  };
}

/**
 * Delivery is a workflow of its own that outlives this run: a mail server that is down for hours neither keeps the run open
 * nor loses the alert. Pipelines outside the catalog have nobody to tell.
 */
async function handOver(failure: RunFailure): Promise<void> {
  const pipeline = pipelineOfWorkflow(failure.workflowType);
  if (pipeline === undefined || pipeline.alerts.onFailure.length === 0 || workflowInfo().parent !== undefined) return;
  try {
    await startChild<typeof deliverAlert>('deliverAlert', {
      workflowId: `alert-${failure.runId}`,
      parentClosePolicy: ParentClosePolicy.ABANDON,
      args: [failure],
      staticSummary: `${pipeline.name} failed${failure.failedStep === undefined ? '' : ` at ${failure.failedStep}`}`,
    });
  } catch (error) {
    log.error('the alert for this failed run could not be handed over', { error: String(error) });
  }
}

export const interceptors: WorkflowInterceptorsFactory = () => {
  const alert = failureAlert();
  return { inbound: [alert], outbound: [stepNaming(), alert] };
};
