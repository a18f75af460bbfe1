import {
  ApplicationFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  getExternalWorkflowHandle,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { ErrorCode } from '../errors.js';
import {
  ACQUIRE_SIGNAL,
  GRANTED_SIGNAL,
  POOL_QUERY,
  RELEASE_SIGNAL,
  RENEW_UPDATE,
  SET_SIZE_UPDATE,
  type Grant,
  type PoolView,
  type Renewal,
  type RenewalAnswer,
  type SizeOrder,
  type SlotRequest,
} from './pool-protocol.js';
import { admit, enqueue, nextExpiry, renew, setSize, viewOf, withdraw, type Holder, type PoolState } from './pool-state.js';

const acquireSignal = defineSignal<[SlotRequest]>(ACQUIRE_SIGNAL);
const releaseSignal = defineSignal<[string]>(RELEASE_SIGNAL);
const renewUpdate = defineUpdate<RenewalAnswer, [Renewal]>(RENEW_UPDATE);
const setSizeUpdate = defineUpdate<PoolView, [SizeOrder]>(SET_SIZE_UPDATE);
const poolQuery = defineQuery<PoolView>(POOL_QUERY);

/** Hands out the slots of one pool, for as long as the namespace lives. Started by the first step that needs it, never by a pipeline. */
export async function pool(state: PoolState): Promise<void> {
  let changed = false;
  let telling = 0;
  const isLong = (): boolean => (state.eventsPerRun === undefined ? workflowInfo().continueAsNewSuggested : workflowInfo().historyLength >= state.eventsPerRun);

  /** A run that is gone cannot be told: the slot goes to the next one. */
  const tell = async ({ workflowId, runId, request, token }: Holder): Promise<void> => {
    telling += 1;
    try {
      await getExternalWorkflowHandle(workflowId, runId).signal<[Grant]>(GRANTED_SIGNAL, { request, token, leaseMs: state.leaseMs });
    } catch {
      withdraw(state, request);
      changed = true;
    } finally {
      telling -= 1;
    }
  };

  setHandler(acquireSignal, (request) => {
    const holder = enqueue(state, request, Date.now());
    if (holder !== undefined) void tell(holder);
    changed = true;
  });
  setHandler(releaseSignal, (request) => {
    withdraw(state, request);
    changed = true;
  });
  setHandler(renewUpdate, (renewal) => renew(state, renewal, Date.now()));
  setHandler(
    setSizeUpdate,
    (order) => {
      setSize(state, order, Date.now());
      changed = true;
      return viewOf(state);
    },
    { validator: requireSize },
  );
  setHandler(poolQuery, () => viewOf(state));

  while (!isLong()) {
    changed = false;
    // After all that came with one task, so that priority counts among those that asked together.
    for (const holder of admit(state, Date.now())) void tell(holder);
    const expiry = nextExpiry(state);
    const wakes = (): boolean => changed || isLong();
    await (expiry === undefined ? condition(wakes) : condition(wakes, Math.max(1, expiry - Date.now())));
  }
  await condition(() => telling === 0 && allHandlersFinished());
  await continueAsNew<typeof pool>(state);
}

function requireSize({ size }: SizeOrder): void {
  if (Number.isInteger(size) && size >= 0) return;
  throw ApplicationFailure.nonRetryable(`A pool has a whole number of slots, 0 or more, not ${size}.`, 'BAD_PARAMS' satisfies ErrorCode);
}
