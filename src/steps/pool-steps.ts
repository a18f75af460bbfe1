import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ParentClosePolicy,
  TimeoutFailure,
  condition,
  defaultPayloadConverter,
  defineSignal,
  getExternalWorkflowHandle,
  log,
  setHandler,
  startChild,
  uuid4,
  workflowInfo,
  type ActivityOptions,
  type Headers,
  type Next,
  type WorkflowExecuteInput,
  type WorkflowInboundCallsInterceptor,
} from '@temporalio/workflow';
import { POOLS } from '../catalog.js';
import { moveStep, type StepEntry } from '../durable/step-table.js';
import type { ErrorCode } from '../errors.js';
import { optionsAfter } from './later-attempts.js';
import {
  ACQUIRE_SIGNAL,
  DEFAULT_PRIORITY,
  GRANTED_SIGNAL,
  LEASE_HEADER,
  POOL_WORKFLOW,
  RELEASE_SIGNAL,
  poolWorkflowId,
  type Grant,
  type LeaseLostDetails,
  type SlotLease,
  type SlotRequest,
} from './pool-protocol.js';
import { newPool } from './pool-state.js';
import { readRunOptions } from './read-run-options.js';
import type { RunControl } from './run-control.js';

/** A pool that was terminated has forgotten who waits; asking again costs a few events. */
const ASK_AGAIN = '10m';

const grantedSignal = defineSignal<[Grant]>(GRANTED_SIGNAL);

/** Module state belongs to one run: grants by request. Absent until the run first asks for a slot. */
let grants: Map<string, Grant> | undefined;

/** Schedules the step's activity, now or once more. */
export type Schedule = (options: ActivityOptions, headers: Headers) => Promise<unknown>;

export interface PooledStep {
  pool: string;
  row: StepEntry;
  /** The operator's pause, which may have begun while the step waited. */
  control: RunControl;
  schedule: Schedule;
}

/**
 * Schedules a step that may only run with a slot of the pool: waits for one, schedules, gives it back when the step has ended.
 * A step that lost its slot waits for another one, and goes on with the attempts and the time that its policy has left.
 */
export async function inPool(step: PooledStep, options: ActivityOptions): Promise<unknown> {
  const { pool, schedule } = step;
  for (let left = options; ; ) {
    const { request, token, leaseMs } = await acquireUnpaused(step);
    const lease: SlotLease = { pool, token, leaseMs };
    const scheduledAt = Date.now();
    try {
      const result = await schedule(left, { [LEASE_HEADER]: defaultPayloadConverter.toPayload(lease) });
      release(pool, request);
      return result;
    } catch (error) {
      if (hasEnded(error, left)) release(pool, request);
      const lost = leaseLost(error);
      const later = lost === undefined ? undefined : optionsAfter(left, lost.attemptsUsed, Date.now() - scheduledAt);
      if (later === undefined) throw error;
      left = later;
    }
  }
}

/** Whether no attempt of the step can be running any more. Else the slot is left to its lease, which ends after the attempt. */
function hasEnded(error: unknown, { cancellationType }: ActivityOptions): boolean {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof CancelledFailure) return cancellationType === 'WAIT_CANCELLATION_COMPLETED';
  return !(cause instanceof TimeoutFailure);
}

/** A run that was paused while its step waited does not keep a slot from others. */
async function acquireUnpaused({ pool, row, control }: PooledStep): Promise<Grant> {
  for (;;) {
    moveStep(row, 'waiting', { message: `waits for a slot of pool ${pool}` });
    const grant = await acquire(pool, row.id);
    if (!control.isClosed()) {
      moveStep(row, 'running');
      return grant;
    }
    release(pool, grant.request);
    moveStep(row, 'waiting', { message: 'the run is paused' });
    await control.opened();
  }
}

async function acquire(pool: string, step: string): Promise<Grant> {
  const received = (grants ??= listen());
  const { workflowId, runId, priority, memo } = workflowInfo();
  const request: SlotRequest = {
    request: uuid4(),
    workflowId,
    runId,
    step,
    priority: readRunOptions(memo).priority ?? priority?.priorityKey ?? DEFAULT_PRIORITY,
    ...(POOLS[pool] === undefined ? {} : { size: POOLS[pool] }),
  };
  try {
    do await CancellationScope.nonCancellable(() => ask(pool, request));
    while (!(await condition(() => received.has(request.request), ASK_AGAIN, { summary: `${step} waits for pool ${pool}` })));
  } catch (error) {
    // Whether it still waits or has been granted a slot in the same moment.
    release(pool, request.request);
    throw error;
  }
  const grant = received.get(request.request)!;
  received.delete(request.request);
  return grant;
}

function listen(): Map<string, Grant> {
  const received = new Map<string, Grant>();
  setHandler(grantedSignal, (grant) => void received.set(grant.request, grant));
  return received;
}

async function ask(pool: string, request: SlotRequest): Promise<void> {
  const handle = getExternalWorkflowHandle(poolWorkflowId(pool));
  try {
    await handle.signal<[SlotRequest]>(ACQUIRE_SIGNAL, request);
  } catch {
    await startPool(pool, request.size);
    await handle.signal<[SlotRequest]>(ACQUIRE_SIGNAL, request);
  }
}

async function startPool(pool: string, size: number | undefined): Promise<void> {
  if (size === undefined) {
    throw ApplicationFailure.nonRetryable(`There is no pool ${pool}. Add it to POOLS in src/catalog.ts, or make it: millrace pools set ${pool} SLOTS.`, 'BAD_PARAMS' satisfies ErrorCode);
  }
  try {
    await startChild(POOL_WORKFLOW, { workflowId: poolWorkflowId(pool), parentClosePolicy: ParentClosePolicy.ABANDON, args: [newPool(pool, size)], staticSummary: `pool ${pool}` });
  } catch (error) {
    // Another run was faster, or the signal that follows fails and says so.
    log.debug('the pool was not started', { pool, error: String(error) });
  }
}

/** Signals that have not been sent yet. */
const releasing = new Set<Promise<void>>();

/** The step does not wait for it; the run does, before it ends. */
function release(pool: string, request: string): void {
  const sent = CancellationScope.nonCancellable(() => getExternalWorkflowHandle(poolWorkflowId(pool)).signal<[string]>(RELEASE_SIGNAL, request))
    // A pool that is gone has nothing to take back.
    .catch((error: unknown) => log.debug('the slot was not given back', { pool, error: String(error) }))
    .finally(() => releasing.delete(sent));
  releasing.add(sent);
}

/** Temporal drops signals of a run that has ended: its last slot would stay taken until its lease is over. */
export function givesSlotsBack(): WorkflowInboundCallsInterceptor {
  return {
    async execute(input: WorkflowExecuteInput, next: Next<WorkflowInboundCallsInterceptor, 'execute'>) {
      try {
        return await next(input);
      } finally {
        if (releasing.size > 0) await Promise.all(releasing);
      }
    },
  };
}

function leaseLost(error: unknown): LeaseLostDetails | undefined {
  if (!(error instanceof ActivityFailure) || !(error.cause instanceof ApplicationFailure)) return undefined;
  const { type, details } = error.cause;
  return type === ('POOL_LEASE_LOST' satisfies ErrorCode) ? (details?.[0] as LeaseLostDetails) : undefined;
}
