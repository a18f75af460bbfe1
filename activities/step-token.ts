import { Context } from '@temporalio/activity';

/**
 * The token of this step for statements outside: made of what the workflow has made, the same on every attempt of the step, and
 * another one in a re-run.
 */
export function stepToken(): string {
  const { activityId, workflowExecution } = Context.current().info;
  return `${workflowExecution?.runId ?? ''}/${activityId}`;
}
