import { describe, expect, it } from 'vitest';
import { intervalsOf, type Interval } from '../../src/backfills/intervals.js';
import { planPage, type IntervalFacts } from '../../src/backfills/plan.js';
import { CATALOG, type Pipeline } from '../../src/catalog.js';
import type { BackfillPlan, BackfillRequest } from '../../src/durable/backfill.js';
import { intervalBounds, intervalParams } from '../../src/durable/data-interval.js';

const NOW = new Date('2010-12-07T12:00:00Z');
const pipeline = CATALOG[0]!;

const request = (change: Partial<BackfillRequest> = {}): BackfillRequest => ({ pipeline: pipeline.name, from: '2010-12-01', to: '2010-12-08', only: 'missing', newestFirst: false, parallel: 2, ...change });

/** Facts by day of the month; the others were never run. */
async function plan(asked: BackfillRequest, facts: Record<number, Partial<IntervalFacts>>, after?: string): Promise<Omit<BackfillPlan, 'start'>> {
  const factsOf = ({ label }: Interval): IntervalFacts => ({ loaded: false, ...facts[Number(label.slice(-2))] });
  return planPage(asked, await intervalsOf(pipeline, asked), factsOf, { now: NOW, after, runOf: ({ label }) => ({ workflowId: `${pipeline.name}-${label}`, params: { date: label } }) });
}

const days = ({ intervals }: Pick<BackfillPlan, 'intervals'>): number[] => intervals.map(({ label }) => Number(label.slice(-2)));

describe('the plan of a backfill', () => {
  const facts = { 2: { loaded: true, lastRun: 'failed' }, 3: { lastRun: 'failed' }, 4: { lastRun: 'cancelled' }, 5: { openRun: 'ecommerce-daily-scheduled-1' }, 6: { lastRun: 'timed-out' } } as const;

  it('of missing intervals has those that were never loaded, whatever their runs, and says why', async () => {
    const { intervals, skipped } = await plan(request(), facts);
    expect(intervals.map(({ label, why, openRun }) => [label.slice(-2), why, openRun])).toEqual([
      ['01', 'missing', undefined],
      ['03', 'failed', undefined],
      ['04', 'missing', undefined],
      ['05', 'missing', 'ecommerce-daily-scheduled-1'],
      ['06', 'failed', undefined],
    ]);
    expect(skipped).toEqual({ loaded: 1, 'not-over': 2 });
  });

  it('of failed intervals has only those whose newest run failed and that no other run has loaded', async () => {
    const planned = await plan(request({ only: 'failed' }), facts);
    expect(days(planned)).toEqual([3, 6]);
    expect(planned.skipped).toEqual({ loaded: 1, 'not-failed': 3, 'not-over': 2 });
  });

  it('of all intervals leaves out only those that are not over', async () => {
    const planned = await plan(request({ only: 'all' }), facts);
    expect(days(planned)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(planned.skipped).toEqual({ 'not-over': 2 });
  });

  it.each([false, true])('comes page by page, every interval once, every left-out one counted once (newest first: %s)', async (newestFirst) => {
    const asked = request({ pageSize: 2, newestFirst });
    const seen: number[] = [];
    let skipped = 0;
    let after: string | undefined;
    for (const remaining of [3, 1, 0]) {
      const page = await plan(asked, facts, after);
      expect(page.remaining).toBe(remaining);
      seen.push(...days(page));
      skipped += Object.values(page.skipped).reduce((sum, count) => sum + count, 0);
      after = page.intervals.at(-1)!.start;
    }
    expect(seen).toEqual(newestFirst ? [6, 5, 4, 3, 1] : [1, 3, 4, 5, 6]);
    expect(skipped).toBe(3);
  });
});

describe('the intervals of a range of days', () => {
  const berlin: Pipeline = { ...pipeline, schedule: { cron: '30 2 * * *', timezone: 'Europe/Berlin' } };

  it('are days of the schedule’s zone that touch each other, with 23 hours where clocks go forward', async () => {
    const intervals = await intervalsOf(berlin, { from: '2026-03-28', to: '2026-03-30' });
    expect(intervals.map(({ label }) => label)).toEqual(['2026-03-28', '2026-03-29', '2026-03-30']);
    expect(intervals[1]).toMatchObject({ start: '2026-03-28T23:00:00.000Z', end: '2026-03-29T22:00:00.000Z' });
    expect(intervals.slice(1).map(({ start }) => start)).toEqual(intervals.slice(0, -1).map(({ end }) => end));
  });

  it('are given to their runs as millrace run gives them', async () => {
    const [day] = await intervalsOf(berlin, { from: '2026-03-28', to: '2026-03-28' });
    expect(intervalParams(day!, 'Europe/Berlin')).toEqual({ date: '2026-03-28', timezone: 'Europe/Berlin' });
  });

  it('are those of the schedule, where it is not due every day', async () => {
    const workdays: Pipeline = { ...pipeline, schedule: { cron: '30 2 * * 1-5', timezone: 'Europe/Berlin' } };
    const intervals = await intervalsOf(workdays, { from: '2026-03-26', to: '2026-03-30' });
    expect(intervals.map(({ label }) => label)).toEqual(['2026-03-26', '2026-03-27--2026-03-29', '2026-03-30']);
    const weekend = intervals[1]!;
    expect(intervalParams(weekend, 'Europe/Berlin')).toEqual({ start: '2026-03-26T23:00:00.000Z', end: '2026-03-29T22:00:00.000Z', timezone: 'Europe/Berlin' });
    expect(intervalBounds(intervalParams(weekend, 'Europe/Berlin'), NOW)).toEqual(weekend);
  });
});
