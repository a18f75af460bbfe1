import type { Claim, PoolView, Renewal, RenewalAnswer, SizeOrder, SlotRequest } from './pool-protocol.js';

/** All times of a pool are milliseconds since 1970, by the clock of its workflow. */
export interface Holder {
  token: number;
  request: string;
  workflowId: string;
  runId: string;
  step: string;
  since: number;
  /** From then on the slot may be given to others; until that happens, the holder may still renew it. */
  expires: number;
  /** The latest attempt that has claimed the slot; 0 when none has. */
  attempt: number;
  /** That attempt has said that it is over. */
  ended?: boolean;
  /** Until then an attempt before that one may be running. */
  quietUntil?: number;
}

interface Waiting {
  request: string;
  workflowId: string;
  runId: string;
  step: string;
  priority: number;
  since: number;
}

/** Small, since it is handed on whenever the workflow continues as new. */
export interface PoolState {
  pool: string;
  /** What the catalog says. */
  size: number;
  /** What an operator says; wins. */
  set?: { size: number; by: string; since: number };
  leaseMs: number;
  lastToken: number;
  holders: Holder[];
  /** By priority, then in the order in which they came. */
  waiting: Waiting[];
  /** Continue as new after so many events, instead of when Temporal suggests it. */
  eventsPerRun?: number;
}

/** How long a killed worker's slot stays taken, at most. */
const LEASE_MS = 30_000;

/** A slot whose step no worker has taken up yet is kept for so many leases: a queue of tasks is not a death. */
const LEASES_TO_START = 10;

export function newPool(pool: string, size: number): PoolState {
  return { pool, size, leaseMs: LEASE_MS, lastToken: 0, holders: [], waiting: [] };
}

export function sizeOf(state: PoolState): number {
  return state.set?.size ?? state.size;
}

/** Puts a request into the queue. A holder that asks again has not heard of its grant: it is returned. */
export function enqueue(state: PoolState, { size, ...request }: SlotRequest, now: number): Holder | undefined {
  if (size !== undefined) state.size = size;
  const holder = state.holders.find((candidate) => candidate.request === request.request);
  if (holder !== undefined || state.waiting.some((candidate) => candidate.request === request.request)) return holder;
  const behind = state.waiting.findIndex(({ priority }) => priority > request.priority);
  state.waiting.splice(behind === -1 ? state.waiting.length : behind, 0, { ...request, since: now });
  return undefined;
}

/** Takes a request out, whether it waits or holds. */
export function withdraw(state: PoolState, request: string): void {
  state.holders = state.holders.filter((holder) => holder.request !== request);
  state.waiting = state.waiting.filter((waiting) => waiting.request !== request);
}

/** Gives free slots, and those of holders whose lease is over, to the first in the queue. */
export function admit(state: PoolState, now: number): Holder[] {
  const admitted: Holder[] = [];
  while (state.waiting.length > 0) {
    if (state.holders.length >= sizeOf(state)) {
      const lapsed = state.holders.find(({ expires }) => expires <= now);
      if (lapsed === undefined) break;
      withdraw(state, lapsed.request);
      continue;
    }
    // Grows also across pools that were terminated and started anew.
    state.lastToken = Math.max(state.lastToken + 1, now);
    const { request, workflowId, runId, step } = state.waiting.shift()!;
    const holder: Holder = { token: state.lastToken, request, workflowId, runId, step, since: now, expires: now + state.leaseMs * LEASES_TO_START, attempt: 0 };
    state.holders.push(holder);
    admitted.push(holder);
  }
  return admitted;
}

/** When the next slot may become free by itself; `undefined` when nobody waits for that. */
export function nextExpiry(state: PoolState): number | undefined {
  if (state.waiting.length === 0 || state.holders.length === 0) return undefined;
  return Math.min(...state.holders.map(({ expires }) => expires));
}

/** Extends leases, and hands slots on from one attempt of a step to the next. */
export function renew(state: PoolState, { held, ended }: Renewal, now: number): RenewalAnswer {
  for (const { token, attempt } of ended) {
    const holder = state.holders.find((candidate) => candidate.token === token);
    if (holder?.attempt === attempt) holder.ended = true;
  }
  const lost: Claim[] = [];
  const waits: (Claim & { ms: number })[] = [];
  for (const claim of held) {
    const holder = claimed(state, claim, now);
    if (holder === undefined) lost.push(claim);
    else if (holder.quietUntil !== undefined && holder.quietUntil > now) waits.push({ ...claim, ms: holder.quietUntil - now });
  }
  return { lost, waits, leaseMs: state.leaseMs };
}

/** A lease that is over is extended too, as long as nobody else has the slot. */
function claimed(state: PoolState, { token, attempt }: Claim, now: number): Holder | undefined {
  const holder = state.holders.find((candidate) => candidate.token === token);
  if (holder === undefined || attempt < holder.attempt) return undefined;
  if (holder.expires <= now && state.holders.length > sizeOf(state)) {
    withdraw(state, holder.request);
    return undefined;
  }
  if (attempt > holder.attempt) {
    // Its worker may only be frozen or cut off: it stops by itself when its lease is over.
    if (holder.attempt > 0 && holder.ended !== true) holder.quietUntil = Math.max(holder.quietUntil ?? 0, holder.expires);
    Object.assign(holder, { attempt, ended: false });
  }
  holder.expires = now + state.leaseMs;
  return holder;
}

/** Fewer slots than holders: these keep theirs until they end. */
export function setSize(state: PoolState, { size, by }: SizeOrder, now: number): void {
  state.set = { size, by, since: now };
}

export function viewOf(state: PoolState): PoolView {
  const { pool, set, leaseMs, holders, waiting } = state;
  return {
    pool,
    size: sizeOf(state),
    ...(set === undefined ? {} : { set: { by: set.by, since: iso(set.since) } }),
    leaseMs,
    holders: holders.map(({ token, workflowId, runId, step, since, expires }) => ({ token, workflowId, runId, step, since: iso(since), expires: iso(expires) })),
    waiting: waiting.map(({ workflowId, runId, step, priority, since }) => ({ workflowId, runId, step, priority, since: iso(since) })),
  };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
