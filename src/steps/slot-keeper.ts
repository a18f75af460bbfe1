import type { Claim, Renewal, RenewalAnswer } from './pool-protocol.js';

/** Tells the pool; rejects when it does not answer within the time. */
export type Renew = (renewal: Renewal, timeoutMs: number) => Promise<RenewalAnswer>;

/** A slot that an attempt of this process holds, or is about to. */
export interface HeldSlot {
  /** Resolves when the pool lets the attempt start; rejects when the slot is lost before. */
  confirmed: Promise<void>;
  /** Aborted when the slot is lost. */
  lost: AbortSignal;
  /** Whether it is lost by now, also when this process was frozen and no timer could tell. */
  isLost(): boolean;
  /** No more renewals: the attempt is over, and its workflow gives the slot back. */
  letGo(): void;
  /** No more renewals: the attempt is over, and the next one of the step need not wait for it. Resolves when the pool knows, or after a while. */
  passOn(): Promise<void>;
}

export interface SlotKeeper {
  hold(claim: Claim, leaseMs: number): HeldSlot;
}

/** Renewals per lease: two may fail. */
const RENEWALS_PER_LEASE = 3;

/** The rest of the lease is for the step to stop in. */
const USABLE_PART = 5 / 6;

/** Bounds the wait for an answer when no lease is left that would. */
const MOST_LEASE_MS = 30_000;

/** Time that has passed, by whichever clock says more: one stops while the machine sleeps, the other can be set back. */
interface Moment {
  wall: number;
  monotonic: number;
}

const now = (): Moment => ({ wall: Date.now(), monotonic: performance.now() });
const since = (moment: Moment): number => Math.max(Date.now() - moment.wall, performance.now() - moment.monotonic);

interface Slot extends Claim {
  leaseMs: number;
  /** When the last renewal that succeeded was sent: the pool counts from a later time. */
  renewed: Moment;
  lossTimer?: NodeJS.Timeout;
  startTimer?: NodeJS.Timeout;
  confirm: () => void;
  lose: () => void;
}

interface Farewell {
  claim: Claim;
  told: () => void;
}

/**
 * Keeps the slots that the steps of this process hold in one pool, with one renewal for all of them. Safety does not depend on
 * an answer: a slot counts as lost when its lease is nearly over and no renewal has succeeded.
 */
export function createSlotKeeper(renew: Renew): SlotKeeper {
  const slots = new Set<Slot>();
  let farewells: Farewell[] = [];
  let keeping = false;
  /** Somebody has something to tell that was not in the last message. */
  let urgent = false;
  let wake = (): void => undefined;

  const extend = (slot: Slot, renewed: Moment, leaseMs: number): void => {
    clearTimeout(slot.lossTimer);
    Object.assign(slot, { renewed, leaseMs });
    slot.lossTimer = setTimeout(slot.lose, Math.max(0, leaseMs * USABLE_PART - since(renewed)));
  };

  const forget = (slot: Slot): void => {
    clearTimeout(slot.lossTimer);
    clearTimeout(slot.startTimer);
    slots.delete(slot);
  };

  const take = (slot: Slot, { lost, waits, leaseMs }: RenewalAnswer, sent: Moment): void => {
    if (!slots.has(slot)) return;
    if (lost.some((claim) => isSame(claim, slot))) {
      slot.lose();
      return;
    }
    extend(slot, sent, leaseMs);
    clearTimeout(slot.startTimer);
    const wait = waits.find((claim) => isSame(claim, slot))?.ms ?? 0;
    if (wait === 0) slot.confirm();
    else slot.startTimer = setTimeout(slot.confirm, wait);
  };

  /** Resolves to the milliseconds until the next one. */
  const tell = async (): Promise<number> => {
    const sent = now();
    const asked = [...slots];
    const told = farewells;
    const pause = Math.min(...asked.map(({ leaseMs }) => leaseMs), MOST_LEASE_MS) / RENEWALS_PER_LEASE;
    try {
      const answer = await within(pause, renew({ held: asked.map(claimOf), ended: told.map(({ claim }) => claim) }, pause));
      farewells = farewells.filter((farewell) => !told.includes(farewell));
      for (const farewell of told) farewell.told();
      for (const slot of asked) take(slot, answer, sent);
      return answer.leaseMs / RENEWALS_PER_LEASE;
    } catch {
      return pause / RENEWALS_PER_LEASE;
    }
  };

  const keep = async (): Promise<void> => {
    keeping = true;
    while (slots.size > 0 || farewells.length > 0) {
      urgent = false;
      const pause = await tell();
      if (!urgent) await sleep(pause);
    }
    keeping = false;
  };

  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const soon = (): void => {
    urgent = true;
    wake();
    if (!keeping) void keep();
  };

  return {
    hold(claim, leaseMs) {
      const lost = new AbortController();
      const { promise: confirmed, resolve: confirm, reject } = withResolvers();
      const slot: Slot = {
        ...claim,
        leaseMs,
        renewed: now(),
        confirm,
        lose() {
          forget(slot);
          lost.abort();
          reject(new Error('the slot is lost'));
        },
      };
      extend(slot, slot.renewed, leaseMs);
      slots.add(slot);
      soon();
      return {
        confirmed,
        lost: lost.signal,
        isLost: () => lost.signal.aborted || since(slot.renewed) >= slot.leaseMs,
        letGo: () => forget(slot),
        async passOn() {
          forget(slot);
          const { promise, resolve } = withResolvers();
          const farewell: Farewell = { claim, told: resolve };
          farewells.push(farewell);
          soon();
          await within(slot.leaseMs / RENEWALS_PER_LEASE, promise).catch(() => undefined);
          farewells = farewells.filter((other) => other !== farewell);
        },
      };
    },
  };
}

function claimOf({ token, attempt }: Claim): Claim {
  return { token, attempt };
}

function isSame(one: Claim, other: Claim): boolean {
  return one.token === other.token && one.attempt === other.attempt;
}

function withResolvers(): { promise: Promise<void>; resolve: () => void; reject: (reason: Error) => void } {
  let resolve!: () => void;
  let reject!: (reason: Error) => void;
  const promise = new Promise<void>((resolveIt, rejectIt) => {
    resolve = resolveIt;
    reject = rejectIt;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** A connection that does not give up by itself must not keep later steps waiting. */
async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
