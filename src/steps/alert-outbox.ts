import {
  ActivityFailure,
  CancellationScope,
  ChildWorkflowFailure,
  ContinueAsNew,
  ParentClosePolicy,
  TemporalFailure,
  isCancellation,
  log,
  startChild,
  workflowInfo,
  type ActivityInput,
  type ChildWorkflowHandle,
  type Next,
  type WorkflowExecuteInput,
  type WorkflowInboundCallsInterceptor,
  type WorkflowOutboundCallsInterceptor,
} from '@temporalio/workflow';
import type { AlertedRun, AlertEvent } from '../alerts/alert.js';
import { onRunEvent, type RunEvent } from '../durable/run-events.js';
import { ALERT_WORKFLOW, MORE_EVENTS, backfilled, isTold, pipelineFacts, routesOf, type AlertDelivery } from './alert-delivery.js';
import type { deliverAlert } from './deliver-alert.js';
import { createHoldStory } from './hold-story.js';
import { isInterval } from './interval-of-run.js';

/** Tells people what happens in a run. Stands innermost among the interceptors: it sees steps with their ids. */
export interface AlertOutbox extends WorkflowInboundCallsInterceptor, WorkflowOutboundCallsInterceptor {
  /** Never throws and never waits; the run's outcome stays what it is, whatever becomes of the alert. */
  raise(event: RunEvent): void;
  /** Resolves when everything raised so far is handed over to `deliverAlert`; a run must not end before. */
  settled(): Promise<void>;
}

/** Of a message; a history keeps it as often as it is told. */
const MESSAGE_LENGTH = 4_000;

/**
 * One per run; it hears the events of `src/durable/run-events.ts`, and finds out by itself that the run fails or ends.
 */
export function alertOutbox(): AlertOutbox {
  const holds = createHoldStory();
  let { workflowType } = workflowInfo();
  let interval: AlertedRun['interval'];
  const post = createPost((events) => deliveryOf(workflowType, interval, events));

  function tell(event: AlertEvent): void {
    if (isTold(event, routesOf(workflowType, workflowInfo().memo))) post.send(event);
  }

  const outbox: Required<Pick<AlertOutbox, 'raise' | 'settled' | 'scheduleActivity' | 'execute'>> = {
    raise(event) {
      const told = holds.digest(event);
      if (told !== undefined) tell({ ...withShortMessage(told), at: now() });
    },
    settled: () => post.settled(),
    scheduleActivity(input: ActivityInput, next: Next<WorkflowOutboundCallsInterceptor, 'scheduleActivity'>) {
      const about = interval === undefined ? input.args.find(isInterval) : undefined;
      if (about !== undefined && pipelineFacts(workflowType).continuous !== true) interval = { label: about.label, start: about.start, end: about.end };
      return next(input);
    },
    async execute(input: WorkflowExecuteInput, next: Next<WorkflowInboundCallsInterceptor, 'execute'>) {
      const behind = backfilled(workflowType, input.args);
      if (behind !== undefined) ({ workflowType, interval } = behind);
      try {
        const result: unknown = await next(input);
        tell({ kind: 'ended', outcome: 'completed', at: now() });
        return result;
      } catch (error) {
        if (isCancellation(error)) tell({ kind: 'ended', outcome: 'cancelled', at: now() });
        else if (isFinalFailure(error) && isToldByItself()) outbox.raise(failedEvent(error));
        throw error;
      } finally {
        await post.settled();
      }
    },
  };
  onRunEvent(outbox.raise);
  return outbox;
}

/** What happened, in which run, and who is to be told. */
function deliveryOf(workflowType: string, interval: AlertedRun['interval'], events: readonly AlertEvent[]): AlertDelivery {
  const { workflowId, runId, namespace, startTime, memo } = workflowInfo();
  const run = { ...pipelineFacts(workflowType), ...(interval === undefined ? {} : { interval }), workflowId, runId, startedAt: startTime.toISOString() };
  return { namespace, run, routes: routesOf(workflowType, memo), events };
}

/** The way to `deliverAlert`: what is raised while something is being handed over goes with the next. */
function createPost(delivery: (events: readonly AlertEvent[]) => AlertDelivery): { send(event: AlertEvent): void; settled(): Promise<void> } {
  const waiting: AlertEvent[] = [];
  let child: ChildWorkflowHandle<typeof deliverAlert> | undefined;
  let children = 0;
  let handingOver: Promise<void> | undefined;

  /**
   * Delivery is a workflow of its own that outlives this run: a mail server that is down for hours neither keeps the run open
   * nor loses the alert.
   */
  async function handOver(events: AlertEvent[]): Promise<void> {
    if (child !== undefined && (await signalled(child, events))) return;
    children += 1;
    const order = delivery(events);
    child = await startChild<typeof deliverAlert>(ALERT_WORKFLOW, {
      workflowId: children === 1 ? `alert-${order.run.runId}` : `alert-${order.run.runId}-${children}`,
      parentClosePolicy: ParentClosePolicy.ABANDON,
      args: [order],
      staticSummary: `${order.run.pipeline} ${events[0]!.kind}`,
    });
  }

  return {
    send(event) {
      waiting.push(event);
      // Also when it is raised by code that is being cancelled.
      handingOver ??= CancellationScope.nonCancellable(async () => {
        while (waiting.length > 0) {
          try {
            await handOver(waiting.splice(0));
          } catch (error) {
            log.error('an alert could not be handed over', { error: String(error) });
          }
        }
        handingOver = undefined;
      });
    },
    async settled() {
      await handingOver;
    },
  };
}

/** `false` when it has told everything before, and ended. */
async function signalled(child: ChildWorkflowHandle<typeof deliverAlert>, events: AlertEvent[]): Promise<boolean> {
  try {
    await child.signal(MORE_EVENTS, events);
    return true;
  } catch {
    return false;
  }
}

/** A plain Error only fails the workflow task, which Temporal retries; a cancelled run was ended on purpose. */
function isFinalFailure(error: unknown): error is TemporalFailure {
  return error instanceof TemporalFailure && !(error instanceof ContinueAsNew) && !isCancellation(error);
}

/** The failure of a child workflow is its parent's to tell, unless the child was given routes of its own. */
function isToldByItself(): boolean {
  const { parent, memo } = workflowInfo();
  return parent === undefined || routesOf('', memo).length > 0;
}

/** The innermost step is where it happened, and its cause is what happened. */
function failedEvent(error: TemporalFailure): RunEvent {
  let step: string | undefined;
  let cause: Error = error;
  while ((cause instanceof ActivityFailure || cause instanceof ChildWorkflowFailure) && cause.cause !== undefined) {
    if (cause instanceof ActivityFailure) step = cause.activityId;
    cause = cause.cause;
  }
  return {
    kind: 'failed',
    errorCode: 'type' in cause && typeof cause.type === 'string' ? cause.type : cause.name,
    message: cause.message,
    ...(step === undefined ? {} : { step }),
  };
}

function withShortMessage<T extends object>(event: T): T {
  if (!('message' in event) || typeof event.message !== 'string' || event.message.length <= MESSAGE_LENGTH) return event;
  return { ...event, message: `${event.message.slice(0, MESSAGE_LENGTH - 1)}…` };
}

function now(): string {
  return new Date().toISOString();
}
