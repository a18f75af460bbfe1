import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Renewal, RenewalAnswer } from '../../src/steps/pool-protocol.js';
import { createSlotKeeper, type Renew } from '../../src/steps/slot-keeper.js';

const LEASE = 30_000;
const CLAIM = { token: 7, attempt: 1 };
const YES: RenewalAnswer = { lost: [], waits: [], leaseMs: LEASE };

describe('the keeper of slots', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  const pool = (answer: (renewal: Renewal) => Promise<RenewalAnswer>) => vi.fn<Renew>((renewal) => answer(renewal));
  const flush = async (): Promise<void> => void (await vi.advanceTimersByTimeAsync(0));

  it('loses a slot before its lease is over when the pool does not answer', async () => {
    let answers = true;
    const renew = pool(() => (answers ? Promise.resolve(YES) : Promise.reject(new Error('no answer'))));
    const slot = createSlotKeeper(renew).hold(CLAIM, LEASE);
    await flush();
    await slot.confirmed;
    answers = false;
    await vi.advanceTimersByTimeAsync(LEASE * 0.8);
    expect(slot.lost.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(LEASE * 0.1);
    expect(slot.lost.aborted).toBe(true);
  });

  it('counts the lease from before the renewal was sent', async () => {
    let answer: ((yes: RenewalAnswer) => void) | undefined;
    const renew = pool(() => new Promise((resolve) => (answer = resolve)));
    const slot = createSlotKeeper(renew).hold(CLAIM, LEASE);
    await flush();
    await vi.advanceTimersByTimeAsync(9000);
    answer!(YES);
    await flush();
    await slot.confirmed;
    await vi.advanceTimersByTimeAsync((LEASE * 5) / 6 - 9000);
    expect(slot.lost.aborted).toBe(true);
  });

  it('knows without a timer that the lease is over', async () => {
    const slot = createSlotKeeper(pool(() => Promise.resolve(YES))).hold(CLAIM, LEASE);
    await flush();
    await slot.confirmed;
    // As after a SIGSTOP: the clock has gone on, no timer has run.
    vi.setSystemTime(Date.now() + LEASE);
    expect([slot.lost.aborted, slot.isLost()]).toEqual([false, true]);
  });

  it('refuses an attempt at once whose slot the pool has given to others', async () => {
    const slot = createSlotKeeper(pool(() => Promise.resolve({ ...YES, lost: [CLAIM] }))).hold(CLAIM, LEASE);
    await flush();
    await expect(slot.confirmed).rejects.toThrow('the slot is lost');
  });

  it('starts an attempt when the one before it must have stopped', async () => {
    const slot = createSlotKeeper(pool(({ held }) => Promise.resolve({ ...YES, waits: held.map((claim) => ({ ...claim, ms: 5000 })) }))).hold(CLAIM, LEASE);
    let started = false;
    void slot.confirmed.then(() => (started = true));
    await vi.advanceTimersByTimeAsync(4999);
    expect(started).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(started).toBe(true);
  });

  it('renews all slots of the process with one message, and says which attempts have ended', async () => {
    const renew = pool(() => Promise.resolve(YES));
    const keeper = createSlotKeeper(renew);
    const slots = [1, 2, 3].map((token) => keeper.hold({ token, attempt: 1 }, LEASE));
    await flush();
    await Promise.all(slots.map(({ confirmed }) => confirmed));
    renew.mockClear();
    await vi.advanceTimersByTimeAsync(LEASE / 3);
    expect(renew.mock.calls.map(([{ held }]) => held.map(({ token }) => token))).toEqual([[1, 2, 3]]);
    renew.mockClear();
    slots[0]!.letGo();
    await slots[1]!.passOn();
    expect(renew.mock.calls[0]![0]).toEqual({ held: [{ token: 3, attempt: 1 }], ended: [{ token: 2, attempt: 1 }] });
  });

  it('does not keep a failed attempt waiting for a pool that does not answer', async () => {
    const slot = createSlotKeeper(pool(() => new Promise(() => undefined))).hold(CLAIM, LEASE);
    const passed = slot.passOn();
    await vi.advanceTimersByTimeAsync(LEASE / 3);
    await expect(passed).resolves.toBeUndefined();
  });

  it('asks no more when nobody holds a slot', async () => {
    const renew = pool(() => Promise.resolve(YES));
    const slot = createSlotKeeper(renew).hold(CLAIM, LEASE);
    await flush();
    slot.letGo();
    await vi.advanceTimersByTimeAsync(LEASE);
    renew.mockClear();
    await vi.advanceTimersByTimeAsync(10 * LEASE);
    expect(renew).not.toHaveBeenCalled();
  });
});
