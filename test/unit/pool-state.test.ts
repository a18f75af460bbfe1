import { describe, expect, it } from 'vitest';
import { admit, enqueue, newPool, nextExpiry, renew, setSize, viewOf, withdraw, type PoolState } from '../../src/steps/pool-state.js';

const LEASE = 30_000;

function ask(state: PoolState, request: string, now: number, more: { priority?: number; size?: number } = {}): void {
  enqueue(state, { request, workflowId: `run-${request}`, runId: 'r', step: 'load', priority: 3, ...more }, now);
}

const held = (state: PoolState): string[] => state.holders.map(({ request }) => request);
const queued = (state: PoolState): string[] => state.waiting.map(({ request }) => request);

/** A pool of one slot whose holder `a` runs its first attempt since 1000. */
function heldPool(): { state: PoolState; token: number } {
  const state = newPool('warehouse', 1);
  ask(state, 'a', 1000);
  const { token } = admit(state, 1000)[0]!;
  renew(state, { held: [{ token, attempt: 1 }], ended: [] }, 1000);
  return { state, token };
}

describe('a pool', () => {
  it('admits by priority, then in the order of coming, and never more than its size', () => {
    const state = newPool('warehouse', 2);
    for (const [request, priority] of [['a', 3], ['b', 5], ['c', 1], ['d', 3]] as const) ask(state, request, 0, { priority });
    expect(queued(state)).toEqual(['c', 'a', 'd', 'b']);
    admit(state, 10);
    expect([held(state), queued(state)]).toEqual([['c', 'a'], ['d', 'b']]);
    withdraw(state, 'c');
    admit(state, 20);
    expect(held(state)).toEqual(['a', 'd']);
  });

  it('gives every grant a higher token, also after it was started anew', () => {
    const state = newPool('warehouse', 3);
    for (const request of ['a', 'b']) ask(state, request, 5000);
    const tokens = admit(state, 5000).map(({ token }) => token);
    const again = newPool('warehouse', 3);
    ask(again, 'c', 5003);
    expect([...tokens, admit(again, 5003)[0]!.token]).toEqual([5000, 5001, 5003]);
  });

  it('takes the same request once, and returns its grant when it asks again', () => {
    const { state, token } = heldPool();
    ask(state, 'b', 1001);
    ask(state, 'b', 1002);
    expect(queued(state)).toEqual(['b']);
    expect(enqueue(state, { request: 'a', workflowId: 'run-a', runId: 'r', step: 'load', priority: 3 }, 1003)).toMatchObject({ token });
  });

  it('gives a slot whose lease is over to the next who waits, and refuses the old holder from then on', () => {
    const { state, token } = heldPool();
    ask(state, 'b', 2000);
    expect(nextExpiry(state)).toBe(1000 + LEASE);
    expect(admit(state, 999 + LEASE)).toEqual([]);
    expect(admit(state, 1000 + LEASE)).toMatchObject([{ request: 'b' }]);
    const claim = { token, attempt: 1 };
    expect(renew(state, { held: [claim], ended: [] }, 1001 + LEASE)).toEqual({ lost: [claim], waits: [], leaseMs: LEASE });
  });

  it('extends a lease that is over when nobody else has wanted the slot', () => {
    const { state, token } = heldPool();
    expect(renew(state, { held: [{ token, attempt: 1 }], ended: [] }, 1000 + 5 * LEASE).lost).toEqual([]);
    expect(state.holders[0]!.expires).toBe(1000 + 6 * LEASE);
    expect(nextExpiry(state)).toBeUndefined();
  });

  it('waits for a step whose task is still queued longer than for one that ran', () => {
    const state = newPool('warehouse', 1);
    ask(state, 'a', 0);
    admit(state, 0);
    ask(state, 'b', 0);
    expect(nextExpiry(state)).toBe(10 * LEASE);
  });

  it('lets a later attempt start when the lease of one before it is over that has not said that it ended', () => {
    const { state, token } = heldPool();
    const first = { token, attempt: 1 };
    const second = { token, attempt: 2 };
    expect(renew(state, { held: [second], ended: [] }, 11_000)).toEqual({ lost: [], waits: [{ ...second, ms: 20_000 }], leaseMs: LEASE });
    expect(renew(state, { held: [first, second], ended: [] }, 21_000)).toMatchObject({ lost: [first], waits: [{ ...second, ms: 10_000 }] });
    expect(renew(state, { held: [second], ended: [] }, 31_000).waits).toEqual([]);
  });

  it('lets a later attempt start at once when the one before it has said that it ended', () => {
    const { state, token } = heldPool();
    renew(state, { held: [], ended: [{ token, attempt: 1 }] }, 2000);
    expect(renew(state, { held: [{ token, attempt: 2 }], ended: [] }, 2001)).toEqual({ lost: [], waits: [], leaseMs: LEASE });
    // A third one would have to wait again.
    expect(renew(state, { held: [{ token, attempt: 3 }], ended: [] }, 2002).waits).toHaveLength(1);
  });

  it('follows the catalog of the newest run until an operator has set its size', () => {
    const state = newPool('warehouse', 1);
    ask(state, 'a', 0, { size: 2 });
    expect(viewOf(state).size).toBe(2);
    setSize(state, { size: 4, by: 'anna@host' }, 1000);
    ask(state, 'b', 0, { size: 3 });
    expect(viewOf(state)).toMatchObject({ size: 4, set: { by: 'anna@host', since: '1970-01-01T00:00:01.000Z' } });
  });

  it('that was made smaller does not extend a lease that is over', () => {
    const state = newPool('warehouse', 2);
    ask(state, 'a', 0);
    ask(state, 'b', 0);
    const claims = admit(state, 0).map(({ token }) => ({ token, attempt: 1 }));
    renew(state, { held: claims, ended: [] }, 0);
    setSize(state, { size: 1, by: 'anna@host' }, 1);
    expect(renew(state, { held: claims, ended: [] }, LEASE)).toMatchObject({ lost: [claims[0]] });
    expect(held(state)).toEqual(['b']);
  });

  it('of size 0 admits nobody', () => {
    const state = newPool('warehouse', 0);
    ask(state, 'a', 0);
    expect([admit(state, 0), nextExpiry(state)]).toEqual([[], undefined]);
  });
});
