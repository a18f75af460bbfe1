import type { ActivityInput, Next, WorkflowInterceptorsFactory, WorkflowOutboundCallsInterceptor } from '@temporalio/workflow';
import { currentScope, trackStep } from '../durable/step-scope.js';
import { alertOutbox } from './alert-outbox.js';
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

export const interceptors: WorkflowInterceptorsFactory = () => {
  const alerts = alertOutbox();
  return { inbound: [alerts], outbound: [stepNaming(), alerts] };
};
