import { describe, expect, it } from 'vitest';
import { planRerun, type RerunPlan } from '../../src/reruns/plan-rerun.js';
import type { PastStep } from '../../src/reruns/past-steps.js';

const step = (id: string, scheduled: number, ended: number | undefined, state: PastStep['state'] = 'succeeded', more: Partial<PastStep> = {}): PastStep => ({
  id,
  activity: id,
  state,
  scheduled,
  ...(ended === undefined ? {} : { ended }),
  cleanup: false,
  ...more,
});
const again = (plan: RerunPlan): string[] => plan.again.map(({ step: { id }, reason, after }) => [id, reason, after].filter((part) => part !== undefined).join(' '));
const reused = (plan: RerunPlan): string[] => plan.reused.map(({ id }) => id);

describe('the plan of a re-run', () => {
  const a = step('a', 1, 5);
  const b = step('b', 2, 10);

  it('runs again what failed, and reuses what had ended or was under way before', () => {
    const plan = planRerun([a, b, step('c', 6, 8, 'failed'), step('d', 9, 12)], undefined);
    expect(reused(plan)).toEqual(['a', 'b']);
    expect(again(plan)).toEqual(['c failed', 'd after c']);
  });

  it('begins at the chosen step: what runs beside it is reused, what came after it is not', () => {
    const plan = planRerun([a, b, step('c', 11, 12), step('d', 13, 14)], a);
    expect(reused(plan)).toEqual(['b']);
    expect(again(plan)).toEqual(['a asked for', 'c after a', 'd after a']);
  });

  it('never reuses a cleanup, nor what was cancelled or had not ended', () => {
    const plan = planRerun([a, step('c', 6, 7, 'cancelled'), step('d', 6, undefined, 'open'), step('tidy', 8, 9, 'succeeded', { cleanup: true })], undefined);
    expect(again(plan)).toEqual(['c cancelled', 'd not finished', 'tidy cleanup']);
  });

  it('goes by the first of several failures', () => {
    const plan = planRerun([a, step('c', 2, 9, 'failed'), step('d', 2, 4, 'failed'), step('e', 6, 7)], undefined);
    expect(again(plan)).toEqual(['c failed', 'd failed', 'e after d']);
  });

  it('reuses results that were given by hand or came from an earlier run', () => {
    expect(reused(planRerun([step('old', 0, 0, 'reused'), step('given', 3, 6, 'skipped'), step('c', 7, 8, 'failed')], undefined))).toEqual(['old', 'given']);
  });

  it('runs a step again whose result is no JSON', () => {
    expect(again(planRerun([step('bytes', 1, 2, 'succeeded', { result: new Uint8Array(3) }), step('c', 3, 4, 'failed')], undefined))).toEqual(['bytes result cannot be handed over', 'c failed']);
  });
});
