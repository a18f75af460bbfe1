import { describe, expect, it } from 'vitest';
import type { ObservedStep } from '../../src/verify/observed-steps.js';
import { planKills, representatives } from '../../src/verify/plan-kills.js';
import { differingTables } from '../../src/verify/table-prints.js';

const step = (id: string, scheduledEvent: number, endedEvent: number, maximumAttempts = 4): ObservedStep => ({ id, scheduledEvent, endedEvent, durationMs: 90, maximumAttempts });

/** Two steps side by side, and one after them. */
const STEPS = [step('a', 5, 11), step('b', 6, 12), step('c', 15, 17)];

const placesOf = (plan: ReturnType<typeof planKills>): string[] => plan.flat().map(({ step: id, place }) => `${id} ${place}`);

describe('the plan of kills', () => {
  it('kills every step at its start, in its middle and at its end, once each', () => {
    expect(placesOf(planKills(STEPS)).toSorted()).toEqual(['a', 'b', 'c'].flatMap((id) => ['end', 'middle', 'start'].map((place) => `${id} ${place}`)));
  });

  it('lets steps side by side share what they bear, and kills steps after each other in one run', () => {
    const plan = planKills(STEPS);
    expect(plan).toHaveLength(3);
    for (const kills of plan) expect(kills.filter(({ step: id }) => id !== 'c')).toHaveLength(2);
    expect(plan.map((kills) => kills.filter(({ step: id }) => id === 'c').length)).toEqual([1, 1, 1]);
  });

  it('interrupts no step more often than its retry policy allows', () => {
    const plan = planKills([step('twice', 5, 11, 2), step('often', 6, 12, Infinity)]);
    expect(plan).toHaveLength(6);
  });

  it('gives every kill of a step with a single attempt a run of its own', () => {
    expect(planKills([step('once', 5, 7, 1)]).map((kills) => kills.length)).toEqual([1, 1, 1]);
  });

  it('kills in the middle after a third of the time that the step took', () => {
    expect(planKills(STEPS)[0]!.every(({ afterMs }) => afterMs === 30)).toBe(true);
  });
});

it('lets the first and the last stand for all steps of a map', () => {
  const steps = [...Array(5).keys()].map((number) => step(`train[${number}].fit`, number, number)).concat(step('poll', 9, 9), step('poll#2', 10, 10), step('poll#3', 11, 11), step('only', 12, 12));
  expect(representatives(steps).map(({ id }) => id)).toEqual(['train[0].fit', 'train[4].fit', 'poll', 'poll#3', 'only']);
});

it('takes a table that is missing on one side for a difference', () => {
  const print = { rows: 1, print: 'x' };
  expect(differingTables({ a: print, b: print }, { a: print })).toEqual(['b']);
  expect(differingTables({ a: print }, { a: print, c: print })).toEqual(['c']);
  expect(differingTables({ a: print }, { a: { rows: 1, print: 'y' } })).toEqual(['a']);
});
