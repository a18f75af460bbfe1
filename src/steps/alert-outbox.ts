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
  type WorkflowOutboundCallsInterceptor,
} from '@temporalio/workflow';
import { pipelineOfWorkflow } from '../catalog.js';
import { onRunEvent, type RunEvent } from '../durable/run-events.js';
import { isInterval } from './interval-of-run.js';
import type { deliverAlert } from './deliver-alert.js';
import type { RunFailure } from './run-failure.js';

/** Type of the workflow that delivers alerts: no step of the run, although it is a child of it. */
export const ALERT_WORKFLOW = 'deliverAlert';

/** Tells people what happens in a run. Stands innermost among the interceptors: it sees steps with their ids, and every result. */
export interface AlertOutbox extends WorkflowInboundCallsInterceptor, WorkflowOutboundCallsInterceptor {
  /** Never throws and never waits; the run's outcome stays what it is, whatever becomes of the alert. */
  raise(event: RunEvent): void;
  /** Resolves when everything raised so far is handed over to `deliverAlert`; a run must not end before. */
  settled(): Promise<void>;
}

/** One per run; it hears the events of `src/durable/run-events.ts`, and finds out by itself that the run fails. */
export function alertOutbox(): AlertOutbox {
  let interval: RunFailure['interval'];
  let handingOver = Promise.resolve();
  const outbox: Required<Pick<AlertOutbox, 'raise' | 'settled' | 'scheduleActivity' | 'execute'>> = {
    raise(event) {
      if (event.kind === 'failed') handingOver = handOver(describeFailure(event, interval));
    },
    settled: () => handingOver,
    scheduleActivity(input: ActivityInput, next: Next<WorkflowOutboundCallsInterceptor, 'scheduleActivity'>) {
      interval ??= input.args.find(isInterval);
      return next(input);
    },
    async execute(input: WorkflowExecuteInput, next: Next<WorkflowInboundCallsInterceptor, 'execute'>) {
      try {
        return await next(input);
      } catch (error) {
        if (isFinalFailure(error)) outbox.raise(failedEvent(error));
        await outbox.settled();
        throw error;
      }
    },
  };
  onRunEvent(outbox.raise);
  return outbox;
}

/** A plain Error only fails the workflow task, which Temporal retries; a cancelled run was ended on purpose. */
function isFinalFailure(error: unknown): error is TemporalFailure {
  return error instanceof TemporalFailure && !(error instanceof ContinueAsNew) && !isCancellation(error);
}

function failedEvent(error: TemporalFailure): RunEvent & { kind: 'failed' } {
  const step = error instanceof ActivityFailure ? error.activityId : undefined;
  const cause = error instanceof ActivityFailure && error.cause !== undefined ? error.cause : error;
  return {
    kind: 'failed',
    errorCode: 'type' in cause && typeof cause.type === 'string' ? cause.type : cause.name,
    message: cause.message,
    ...(step === undefined ? {} : { step }),
  };
}

function describeFailure({ step, errorCode, message }: RunEvent & { kind: 'failed' }, interval: RunFailure['interval']): RunFailure {
  const info = workflowInfo();
  return {
    workflowType: info.workflowType,
    workflowId: info.workflowId,
    runId: info.runId,
    namespace: info.namespace,
    startedAt: info.startTime.toISOString(),
    failedAt: new Date().toISOString(),
    errorCode,
    lastError: message,
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
    await startChild<typeof deliverAlert>(ALERT_WORKFLOW, {
      workflowId: `alert-${failure.runId}`,
      parentClosePolicy: ParentClosePolicy.ABANDON,
      args: [failure],
      staticSummary: `${pipeline.name} failed${failure.failedStep === undefined ? '' : ` at ${failure.failedStep}`}`,
    });
  } catch (error) {
    log.error('the alert for this failed run could not be handed over', { error: String(error) });
  }
}
