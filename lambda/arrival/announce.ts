import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { readNotification, type ArrivedObject } from './notifications.js';
import { rulesFor, type ArrivalRule } from './rules.js';

/** The signal that `waitFor` (src/durable/wait-for.ts) listens to; its argument is the wait's name. */
const ARRIVED = 'millrace.arrived';
/** Of one workflow at a time; above this something else is wrong. */
const MOST_OPEN_RUNS = 100;
/** EventBridge tells times in whole seconds, and the clocks of S3 and of Temporal differ: a run too many does less harm than one too few. */
const CLOCKS_DIFFER_MS = 5_000;

export interface Announcement {
  object: ArrivedObject;
  workflow: string;
  /** Workflow ids of the open runs that were told. */
  told: string[];
  /** Workflow id of the run that was started for it. */
  started?: string;
}

/**
 * Tells the runs that wait for these objects to look now. The signal claims nothing: a run looks for itself, takes what is there and has
 * not been processed, so that a notification may come twice, late, early, or for what somebody else has taken.
 *
 * Where a rule says so, and no run is open, one is started, under the one workflow id that the rule gives: of two notifications at the same
 * time the second one finds the first one's run. An object that was there before the last run of that id had begun, and that run has
 * completed, was seen by it: a late repetition of its notification starts nothing.
 */
export async function announce(client: Client, rules: readonly ArrivalRule[], event: unknown): Promise<Announcement[]> {
  const objects = readNotification(event);
  if (objects === undefined) throw new Error('the event is no S3 notification, neither from EventBridge nor from S3 itself');
  const announcements: Announcement[] = [];
  for (const object of objects) {
    for (const rule of rulesFor(rules, object)) {
      const told = await tellOpenRuns(client, rule);
      const started = rule.start && told.length === 0 ? await startRun(client, { ...rule, start: rule.start }, object) : undefined;
      announcements.push({ object, workflow: rule.workflow, told, ...(started === undefined ? {} : { started }) });
    }
  }
  return announcements;
}

async function tellOpenRuns(client: Client, { workflow, wait }: ArrivalRule): Promise<string[]> {
  const told: string[] = [];
  const query = `WorkflowType = '${workflow}' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId, runId } of client.workflow.list({ query, pageSize: MOST_OPEN_RUNS })) {
    try {
      await client.workflow.getHandle(workflowId, runId).signal(ARRIVED, wait);
      told.push(workflowId);
    } catch (error) {
      // It has ended since it was listed.
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
    if (told.length === MOST_OPEN_RUNS) break;
  }
  return told;
}

async function startRun(client: Client, { workflow, wait, start }: ArrivalRule & Required<Pick<ArrivalRule, 'start'>>, { at }: ArrivedObject): Promise<string | undefined> {
  const { workflowId, taskQueue, params } = start;
  if (at !== undefined && (await hasBeenSeen(client, workflowId, new Date(at)))) return undefined;
  await client.workflow.signalWithStart(workflow, {
    workflowId,
    taskQueue,
    args: [params],
    signal: ARRIVED,
    signalArgs: [wait],
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    staticSummary: 'started by an arrival',
  });
  return workflowId;
}

/** S3 lists an object from the moment on that it was created. */
async function hasBeenSeen(client: Client, workflowId: string, createdAt: Date): Promise<boolean> {
  try {
    const { status, startTime } = await client.workflow.getHandle(workflowId).describe();
    return status.name === 'COMPLETED' && startTime.getTime() > createdAt.getTime() + CLOCKS_DIFFER_MS;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
