import { describe, expect, it } from 'vitest';
import type { RunView, StepView } from '../../src/runs/run-view.js';
import { judgeDuration } from '../../src/monitoring/judge-duration.js';
import { quarterId, quartersBefore, quartersOf } from '../../src/monitoring/quarters.js';
import type { PipelineHealth } from '../../src/monitoring/health.js';
import { healthPoints, runPoints } from '../../src/monitoring/run-points.js';

describe('a duration', () => {
  const isSlow = (last: number, before: readonly number[]): boolean => {
    const { most } = judgeDuration(last, false, before);
    return most !== undefined && last > most;
  };
  const STEADY = [600, 610, 590, 605, 595, 600, 620, 580, 601, 599, 603, 597, 606, 594];

  it('is slow far above the median of the runs before', () => {
    expect(isSlow(1_200, STEADY)).toBe(true);
    expect(isSlow(640, STEADY)).toBe(false);
  });

  it('is slow although one run before it was slower still, which mean and deviation would have hidden', () => {
    const before = [36_000, ...STEADY.slice(1)];
    expect(isSlow(1_200, before)).toBe(true);
    const mean = before.reduce((sum, value) => sum + value) / before.length;
    const deviation = Math.sqrt(before.reduce((sum, value) => sum + (value - mean) ** 2, 0) / before.length);
    expect(1_200).toBeLessThan(mean + 3 * deviation);
  });

  it('is usual within a wide spread', () => {
    expect(isSlow(1_500, [300, 900, 1_400, 500, 1_100, 700, 1_300, 400, 1_000, 800])).toBe(false);
  });

  it('is not slow for a second among runs that are all alike', () => {
    expect(isSlow(3, Array.from({ length: 14 }, () => 2))).toBe(false);
    expect(isSlow(33, Array.from({ length: 14 }, () => 2))).toBe(true);
  });

  it('is judged only where five runs are there to compare with, and against the last 14', () => {
    expect(isSlow(9_000, [1, 1, 1, 1])).toBe(false);
    expect(isSlow(9_000, [1, 1, 1, 1, 1])).toBe(true);
    expect(judgeDuration(100, false, [...STEADY, ...Array.from({ length: 50 }, () => 1)])).toMatchObject({ compared: 14, median: 600 });
  });

  it('of nothing before it has no median to speak of', () => {
    expect(judgeDuration(5, true, [])).toEqual({ last: 5, open: true, compared: 0, median: 0, spread: 0 });
  });
});

describe('quarters of an hour', () => {
  const between = (start: string, end: string): string[] => quartersOf({ start: `2026-01-31T${start}:00.000Z`, end: `2026-01-31T${end}:00.000Z` }).map(quarterId);

  it('of a scheduled interval are one, and of a day 96', () => {
    expect(between('10:15', '10:30')).toEqual(['2026-01-31/1015']);
    expect(quartersOf({ start: '2026-01-31T00:00:00.000Z', end: '2026-02-01T00:00:00.000Z' })).toHaveLength(96);
  });

  it('of intervals that touch each other are all, and none twice, wherever they are cut', () => {
    expect([...between('10:00', '10:07'), ...between('10:07', '10:40'), ...between('10:40', '11:00')]).toEqual(between('10:00', '11:00'));
    expect(between('10:00', '11:00')).toHaveLength(4);
  });

  it('before one are as many as asked for, across midnight', () => {
    const [first] = quartersOf({ start: '2026-02-01T00:00:00.000Z', end: '2026-02-01T00:15:00.000Z' });
    expect(quartersBefore(first!, 2).map(quarterId)).toEqual(['2026-01-31/2330', '2026-01-31/2345']);
  });
});

describe('the points of a look', () => {
  const AT = '2026-01-31T10:00:00.000Z';
  const pointsOf = (health: Partial<PipelineHealth>): Record<string, number> =>
    Object.fromEntries(healthPoints({ at: AT, window: { start: AT, end: AT }, unreached: [], pipelines: [{ pipeline: 's3-etl', problems: [], unknown: [], ...health }] }).map(({ name, dimensions, statistics }) => [[name, dimensions.table].filter(Boolean).join(' '), statistics.sum]));

  it('say what was seen, and nothing of what could not be looked at', () => {
    expect(pointsOf({ open: 2, held: 1, stuck: 0, workers: 3, schedule: { state: 'active', missed: [AT] }, tables: [{ table: 'orders', mostHours: 27, ageSeconds: 60 }, { table: 'never', mostHours: 27 }] })).toEqual({
      OpenRuns: 2,
      HeldRuns: 1,
      StuckRuns: 0,
      MissedSchedules: 1,
      Workers: 3,
      Unhealthy: 1,
      'TableAgeSeconds orders': 60,
    });
    expect(pointsOf({ unknown: ['stale-table'] })).toEqual({});
  });

  it.each<[string, number, Partial<PipelineHealth>]>([
    ['whose last run succeeded', 0, { last: { workflowId: 'run', state: 'completed' } }],
    ['whose last run failed', 1, { last: { workflowId: 'run', state: 'failed' } }],
    ['with a held run', 1, { held: 1 }],
    ['with a stuck run', 1, { stuck: 1 }],
    ['with a stale table', 1, { problems: [{ kind: 'stale-table', severity: 'error', message: '' }] }],
  ])('say of a pipeline %s how it is', (_, unhealthy, health) => {
    expect(pointsOf(health)['Unhealthy']).toBe(unhealthy);
  });
});

describe('the points of a run', () => {
  const step = (id: string, change: Partial<StepView> = {}): StepView => ({ id, activity: id, state: 'succeeded', attempts: 1, scheduledAt: '2026-01-31T10:00:00.000Z', endedAt: '2026-01-31T10:01:00.000Z', durationMs: 2_000, ...change });
  const run = (change: Partial<RunView> = {}): RunView => ({
    workflowId: 's3-etl-1',
    runId: 'run',
    workflow: 's3Etl',
    pipeline: 's3-etl',
    taskQueue: 'millrace',
    state: 'completed',
    startedAt: '2026-01-31T10:00:00.000Z',
    endedAt: '2026-01-31T10:05:00.000Z',
    durationMs: 300_000,
    steps: [],
    ...change,
  });
  const sums = (view: RunView): Record<string, number> => Object.fromEntries(runPoints(view).map(({ name, dimensions, statistics }) => [[name, dimensions.step].filter(Boolean).join(' '), statistics.sum]));

  it('say that it ran, how long, and whether it failed, at its end', () => {
    expect(sums(run())).toEqual({ Runs: 1, Failures: 0, RunSeconds: 300 });
    expect(runPoints(run()).map(({ at }) => at)).toEqual(Array.from({ length: 3 }, () => '2026-01-31T10:05:00.000Z'));
    for (const state of ['failed', 'timed-out'] as const) expect(sums(run({ state }))).toMatchObject({ Failures: 1 });
    for (const state of ['cancelled', 'terminated'] as const) expect(sums(run({ state }))).toMatchObject({ Runs: 1, Failures: 0 });
  });

  it('take the items of a mapped step together, so that no key becomes a metric', () => {
    const steps = [step('group[a].transformFile[incoming/data_1.csv]', { rows: 10 }), step('group[b].transformFile[incoming/data_2.csv]', { rows: 30, durationMs: 4_000, endedAt: '2026-01-31T10:02:00.000Z' }), step('group[b].transformFile[x]#2', { rows: 2 })];
    const points = runPoints(run({ steps })).filter(({ dimensions }) => dimensions.step !== undefined);
    expect(points.map(({ name, dimensions, at, statistics }) => [name, dimensions.step, at, statistics])).toEqual([
      ['StepSeconds', 'group.transformFile', '2026-01-31T10:02:00.000Z', { count: 3, sum: 8, min: 2, max: 4 }],
      ['StepRows', 'group.transformFile', '2026-01-31T10:02:00.000Z', { count: 3, sum: 42, min: 2, max: 30 }],
    ]);
  });

  it('say nothing of what a step does not know', () => {
    const { durationMs: _durationMs, ...waiting } = step('publishSales');
    expect(runPoints(run({ steps: [waiting] })).map(({ name }) => name)).toEqual(['Runs', 'Failures', 'RunSeconds']);
  });
});
