import { AsyncLocalStorage } from 'node:async_hooks';
import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { CancelledFailure, defaultPayloadConverter, type Headers } from '@temporalio/common';
import { isMillraceError, MillraceError } from '../errors.js';
import { LEASE_HEADER, RENEW_UPDATE, poolWorkflowId, type LeaseLostDetails, type Renewal, type RenewalAnswer, type SlotLease } from './pool-protocol.js';
import { createSlotKeeper, type HeldSlot, type SlotKeeper } from './slot-keeper.js';

const tokens = new WeakMap<Context, number>();

/**
 * The fencing token of the running step's slot, `undefined` outside of pools. Of two attempts that had the same slot the later one
 * has the higher token: a system that remembers the highest it has seen can refuse a writer that has lost its slot unawares.
 */
export function poolToken(): number | undefined {
  return tokens.get(Context.current());
}

/**
 * Runs an attempt for as long as it holds the slot that its headers name: confirmed by the pool before its first line, renewed
 * while it runs. When the slot is lost, the attempt is cancelled and its result refused: it fails with `POOL_LEASE_LOST`, and
 * the workflow asks for another slot.
 */
export async function holdingSlot<T>(context: Context, headers: Headers, attempt: () => Promise<T>): Promise<T> {
  const payload = headers[LEASE_HEADER];
  if (payload === undefined) return attempt();
  const { pool, token, leaseMs } = defaultPayloadConverter.fromPayload<SlotLease>(payload);
  const { attempt: number } = context.info;
  const slot = keeperOf(context.client, pool).hold({ token, attempt: number }, leaseMs);
  try {
    await mayStart(slot, context, () => leaseLost(pool, number - 1));
    tokens.set(context, token);
    const result = await cancelledWith(slot.lost, context, pool, attempt);
    if (slot.isLost()) throw leaseLost(pool, number);
    slot.letGo();
    return result;
  } catch (error) {
    if (isLeaseLost(error)) throw error;
    if (slot.isLost()) throw leaseLost(pool, number);
    await slot.passOn();
    throw error;
  } finally {
    slot.letGo();
  }
}

function isLeaseLost(error: unknown): boolean {
  return isMillraceError(error) && error.code === 'POOL_LEASE_LOST';
}

function leaseLost(pool: string, attemptsUsed: number): MillraceError {
  const details: LeaseLostDetails & Record<string, unknown> = { attemptsUsed };
  return new MillraceError('POOL_LEASE_LOST', `This attempt has lost its slot of pool ${pool}: it did not renew it in time. It waits for another slot by itself.`, { details });
}

/** Before the pool has said yes, nothing of the step runs; a step that is cancelled does not wait for it. */
async function mayStart(slot: HeldSlot, context: Context, refusal: () => MillraceError): Promise<void> {
  const confirmed = slot.confirmed.catch(() => {
    throw refusal();
  });
  await Promise.race([confirmed, context.cancelled]);
}

/** The attempt sees the loss of its slot as it sees a cancellation: by the signal and the promise of its context. */
async function cancelledWith<T>(lost: AbortSignal, context: Context, pool: string, attempt: () => Promise<T>): Promise<T> {
  const { cancelled, cancellationSignal } = context;
  const loss = new Promise<never>((_, reject) => {
    lost.addEventListener('abort', () => reject(new CancelledFailure(`the slot of pool ${pool} is lost`)), { once: true });
  });
  const either = Promise.race([cancelled, loss]);
  either.catch(() => undefined);
  Object.assign(context, { cancelled: either, cancellationSignal: AbortSignal.any([cancellationSignal, lost]) });
  try {
    return await attempt();
  } finally {
    Object.assign(context, { cancelled, cancellationSignal });
  }
}

const keepers = new WeakMap<Client, Map<string, SlotKeeper>>();

/** One per worker and pool. */
function keeperOf(client: Client, pool: string): SlotKeeper {
  const ofClient = keepers.get(client) ?? new Map<string, SlotKeeper>();
  keepers.set(client, ofClient);
  const keeper = ofClient.get(pool) ?? createSlotKeeper((renewal, timeoutMs) => outsideOfSteps(() => tellPool(client, pool, renewal, timeoutMs)));
  ofClient.set(pool, keeper);
  return keeper;
}

/** Calls of the worker's client inside a step end with that step; renewals are for all steps. */
const outsideOfSteps = AsyncLocalStorage.snapshot();

function tellPool(client: Client, pool: string, renewal: Renewal, timeoutMs: number): Promise<RenewalAnswer> {
  const handle = client.workflow.getHandle(poolWorkflowId(pool));
  return client.withDeadline(Date.now() + timeoutMs, () => handle.executeUpdate<RenewalAnswer, [Renewal]>(RENEW_UPDATE, { args: [renewal] }));
}
