import { ApplicationFailure, condition, defineUpdate, isCancellation, setHandler } from '@temporalio/workflow';
import type { ErrorCode } from '../errors.js';
import { msToNumber, type Duration } from './duration.js';
import { emitRunEvent } from './run-events.js';
import { scopedName } from './step-scope.js';
import { addStep, freeId, moveStep } from './step-table.js';

export interface ApprovalRequest {
  /** What is to be decided, in words for people: it stands in the alert. */
  message: string;
  /** How long to wait for a decision; absent: as long as it takes. */
  timeout?: Duration;
}

export interface Approval {
  by: string;
  why?: string;
  /** ISO 8601 UTC. */
  at: string;
}

/** What the updates `millrace.approve` and `millrace.reject` take. */
export interface ApprovalDecision {
  name: string;
  by: string;
  why?: string;
}

type Verdict = 'approved' | 'rejected';

/** Module state belongs to one run: the sandbox gives every workflow execution modules of its own. */
const open = new Map<string, (verdict: Verdict, decision: ApprovalDecision) => void>();
const decided = new Map<string, string>();
const listeners: (() => void)[] = [];
let handlersAreSet = false;

/**
 * Waits until a person has approved. The name is shown with the task groups around it and the key of a mapped item, as a step's
 * id is: `promote[resnet]`. `APPROVAL_REJECTED` (with who and why) and `APPROVAL_EXPIRED` end the run unless they are caught.
 *
 *     const { by } = await approval('promote', { message: `accuracy ${metrics.accuracy}, was ${champion.accuracy}`, timeout: '2d' });
 */
export async function approval(name: string, { message, timeout }: ApprovalRequest): Promise<Approval> {
  setApprovalHandlers();
  const id = freeId(scopedName(name));
  const bound = timeout === undefined ? undefined : msToNumber(timeout);
  const until = bound === undefined ? undefined : new Date(Date.now() + bound).toISOString();
  let outcome: (Approval & { verdict: Verdict }) | undefined;
  const row = addStep({ id, activity: 'approval', kind: 'approval', state: 'waiting', message });
  open.set(id, (verdict, { by, why }) => {
    outcome = { verdict, by, ...(why === undefined ? {} : { why }), at: new Date().toISOString() };
  });
  changed();
  emitRunEvent({ kind: 'approval-wanted', name: id, message, ...(until === undefined ? {} : { until }) });
  try {
    await (bound === undefined ? condition(() => outcome !== undefined) : condition(() => outcome !== undefined, bound, { summary: `${id} waits for approval` }));
    if (outcome === undefined) throw failure('APPROVAL_EXPIRED', `nobody decided ${id} until ${until}: ${message}`);
    const { verdict, ...decision } = outcome;
    const said = `${verdict} by ${decision.by}${decision.why === undefined ? '' : `: ${decision.why}`}`;
    if (verdict === 'rejected') throw failure('APPROVAL_REJECTED', `${id} was ${said}`);
    moveStep(row, 'succeeded', { message: said });
    return decision;
  } catch (error) {
    if (isCancellation(error)) moveStep(row, 'cancelled');
    else if (error instanceof ApplicationFailure) moveStep(row, 'failed', { error: { type: error.type ?? error.name, message: error.message } });
    throw error;
  } finally {
    open.delete(id);
    changed();
  }
}

/** The approvals that wait for somebody. */
export function openApprovals(): string[] {
  return [...open.keys()];
}

/** Called whenever an approval begins or has ended. */
export function onApprovalsChanged(listener: () => void): void {
  listeners.push(listener);
}

/**
 * Takes decisions by update. The block does it by itself; the plugin does it for every run, so that a decision on a run that asks
 * for none is refused at once.
 */
export function setApprovalHandlers(): void {
  if (handlersAreSet) return;
  handlersAreSet = true;
  for (const [verdict, update] of [['approved', 'millrace.approve'], ['rejected', 'millrace.reject']] as const) {
    setHandler(defineUpdate<void, [ApprovalDecision]>(update), (decision) => decide(verdict, decision), {
      description: `${verdict === 'approved' ? 'Approves' : 'Rejects'} what the run waits for`,
      validator: refuseUndecidable,
    });
  }
}

function decide(verdict: Verdict, decision: ApprovalDecision): void {
  open.get(decision.name)?.(verdict, decision);
  open.delete(decision.name);
  decided.set(decision.name, `${verdict} by ${decision.by}`);
}

/** A decision that cannot be taken is an error that lists what is possible; it leaves nothing in the history. */
function refuseUndecidable({ name, by }: ApprovalDecision): void {
  if (typeof by !== 'string' || by.trim() === '') throw failure('NOT_POSSIBLE', 'a decision needs the name of who takes it (by): it stays in the history');
  if (open.has(name)) return;
  const before = decided.get(name);
  const names = openApprovals();
  const possible = names.length === 0 ? 'Nothing waits for approval in this run' : `Waiting for approval: ${names.join(', ')}`;
  throw failure('NOT_POSSIBLE', `${before === undefined ? `no approval "${name}" is open` : `${name} was ${before}`}. ${possible}.`);
}

function changed(): void {
  for (const listener of listeners) listener();
}

function failure(type: ErrorCode | 'NOT_POSSIBLE', message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, type);
}
