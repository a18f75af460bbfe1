import { setTimeout as delay } from 'node:timers/promises';
import type { RenewalAnswer } from './pool-protocol.js';

/** Sends one renewal for all these tokens; rejects when the pool does not answer within the time. */
export type Renew = (tokens: readonly number[], timeoutMs: number) => Promise<RenewalAnswer>;

/** A slot that an attempt of this process holds. */
export interface HeldSlot {
  /** Resolves when the pool has confirmed it for the first time; rejects when it is lost before. */
  confirmed: Promise<void>;
  /** Aborted when the slot is lost. */
  lost: AbortSignal;
  /** Whether it is lost by now, also when this process was frozen and no timer could tell. */
  isLost(): boolean;
  /** No more renewals. */
  letGo(): void;
}

export interface SlotKeeper {
  hold(token: number, leaseMs: number): HeldSlot;
}

/** Renewals per lease: two may fail. */
const RENEWALS_PER_LEASE = 3;

/** The rest of the lease is for the step to stop in. */
const USABLE_PART = 5 / 6;

/** Time that has passed, by whichever clock says more: one stops while the machine sleeps, the other can be set back. */
interface Moment {
  wall: number;
  monotonic: number;
}

const now = (): Moment => ({ wall: Date.now(), monotonic: performance.now() });
const since = (moment: Moment): number => Math.max(Date.now() - moment.wall, performance.now() - moment.monotonic);

interface Slot {
  token: number;
  leaseMs: number;
  /** When the last renewal that succeeded was sent: the pool counts from a later time. */
  renewed: Moment;
  timer: NodeJS.Timeout | undefined;
  confirm: () => void;
  lose: () => void;
}

/**
 * Keeps the slots that the steps of this process hold in one pool, with one renewal for all of them. Safety does not depend on
 * an answer: a slot counts as lost when its lease is nearly over and no renewal has succeeded.
 */
export function createSlotKeeper(renew: Renew): SlotKeeper {
  const slots = new Map<number, Slot>();
  let wake = new AbortController();
  let keeping = false;

  const extend = (slot: Slot, renewed: Moment, leaseMs: number): void => {
    clearTimeout(slot.timer);
    Object.assign(slot, { renewed, leaseMs });
    slot.timer = setTimeout(slot.lose, Math.max(0, leaseMs * USABLE_PART - since(renewed)));
  };

  /** Milliseconds until the next one. */
  const renewAll = async (): Promise<number> => {
    const sent = now();
    const asked = [...slots.values()];
    const leaseMs = Math.min(...asked.map((slot) => slot.leaseMs));
    const pause = leaseMs / RENEWALS_PER_LEASE;
    try {
      const answer = await within(pause, renew(asked.map(({ token }) => token), pause));
      for (const slot of asked) {
        if (answer.lost.includes(slot.token)) slot.lose();
        else if (slots.has(slot.token)) {
          extend(slot, sent, answer.leaseMs);
          slot.confirm();
        }
      }
      return answer.leaseMs / RENEWALS_PER_LEASE;
    } catch {
      return pause / RENEWALS_PER_LEASE;
    }
  };

  const keep = async (): Promise<void> => {
    keeping = true;
    while (slots.size > 0) {
      wake = new AbortController();
      const pause = await renewAll();
      if (!wake.signal.aborted) await delay(pause, undefined, { signal: wake.signal }).catch(() => undefined);
    }
    keeping = false;
  };

  return {
    hold(token, leaseMs) {
      const lost = new AbortController();
      let reject: (reason: Error) => void;
      let confirm: () => void;
      const confirmed = new Promise<void>((resolve, rejectIt) => {
        confirm = resolve;
        reject = rejectIt;
      });
      confirmed.catch(() => undefined);
      const letGo = (): void => {
        clearTimeout(slot.timer);
        slots.delete(token);
      };
      const lose = (): void => {
        letGo();
        lost.abort();
        reject(new Error('the slot is lost'));
      };
      const slot: Slot = { token, leaseMs, renewed: now(), timer: undefined, confirm: () => confirm(), lose };
      extend(slot, slot.renewed, leaseMs);
      slots.set(token, slot);
      wake.abort();
      if (!keeping) void keep();
      return { confirmed, lost: lost.signal, isLost: () => lost.signal.aborted || since(slot.renewed) >= slot.leaseMs, letGo };
    },
  };
}

/** A connection that does not give up by itself must not keep later steps waiting. */
async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  const answered = new AbortController();
  const tooLate = delay(timeoutMs, undefined, { signal: answered.signal }).then(() => {
    throw new Error(`no answer within ${timeoutMs} ms`);
  });
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    tooLate.catch(() => undefined);
    answered.abort();
  }
}
