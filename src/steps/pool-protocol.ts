/**
 * What a pool's workflow, the steps that want a slot of it, workers and the CLI say to each other. Sandbox-safe.
 */
export const POOL_WORKFLOW = 'pool';

const ID_PREFIX = 'millrace-pool-';

/** One workflow per pool and namespace, whichever run was the first to need it. */
export function poolWorkflowId(name: string): string {
  return `${ID_PREFIX}${name}`;
}

/** The other way round; `undefined` for workflows that are no pools of ours. */
export function poolOfWorkflow(workflowId: string): string | undefined {
  return workflowId.startsWith(ID_PREFIX) ? workflowId.slice(ID_PREFIX.length) : undefined;
}

/** Signals to the pool, and its answer to the run. */
export const ACQUIRE_SIGNAL = 'millrace.acquire';
export const RELEASE_SIGNAL = 'millrace.release';
export const GRANTED_SIGNAL = 'millrace.granted';
/** Update, by workers: takes a `Renewal`, returns a `RenewalAnswer`. */
export const RENEW_UPDATE = 'millrace.renew';
/** Update, by operators: takes a `SizeOrder`, returns a `PoolView`. */
export const SET_SIZE_UPDATE = 'millrace.set-size';
/** Query: returns a `PoolView`. */
export const POOL_QUERY = 'pool';

/** Carries a `SlotLease` to every attempt of the step. */
export const LEASE_HEADER = 'millrace-pool';

/** 1 is the highest, 5 the lowest: Temporal's own range. */
export const DEFAULT_PRIORITY = 3;

export interface SlotRequest {
  /** Names the request: asking twice with the same one is asking once. */
  request: string;
  workflowId: string;
  runId: string;
  step: string;
  priority: number;
  /** What the catalog of the asking run says; the newest request counts. */
  size?: number;
}

export interface Grant {
  request: string;
  /** Fencing token: grows with every grant. */
  token: number;
  leaseMs: number;
}

export interface SlotLease {
  pool: string;
  token: number;
  leaseMs: number;
}

/** One attempt of the step that was granted the slot. */
export interface Claim {
  token: number;
  attempt: number;
}

export interface Renewal {
  /** Attempts that run, or are about to. */
  held: readonly Claim[];
  /** Attempts that ran and have failed. */
  ended: readonly Claim[];
}

export interface RenewalAnswer {
  /** Those whose slot was given to others, or to a later attempt. */
  lost: readonly Claim[];
  /** Those that may start only then: an earlier attempt, which has not said that it ended, may still be running. */
  waits: readonly (Claim & { ms: number })[];
  leaseMs: number;
}

export interface SizeOrder {
  size: number;
  /** `anna@host` */
  by: string;
}

/** Times are ISO 8601 UTC, by Temporal's clock. */
export interface PoolView {
  pool: string;
  size: number;
  /** Where an operator has set the size. */
  set?: { by: string; since: string };
  leaseMs: number;
  /** One whose lease has expired keeps its slot until somebody asks for it. */
  holders: { token: number; workflowId: string; runId: string; step: string; since: string; expires: string }[];
  /** In the order in which they come next. */
  waiting: { workflowId: string; runId: string; step: string; priority: number; since: string }[];
}

/** What a step that failed with `POOL_LEASE_LOST` says of itself. */
export interface LeaseLostDetails {
  /** Attempts of which at least the first line has run. */
  attemptsUsed: number;
}
