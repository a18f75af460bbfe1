import { statisticsOf, type MetricDimensions, type MetricName, type MetricPoint } from '../metrics/metric-sink.js';
import type { RunView, StepView } from '../runs/run-view.js';
import { stepName } from '../runs/step-name.js';
import { stateOfHealth, type HealthReport } from './health.js';

/** What there is to measure of a run that has ended, at the time at which it did; its steps at their own ends. */
export function runPoints(run: RunView): MetricPoint[] {
  const dimensions = { pipeline: run.pipeline };
  const at = run.endedAt ?? run.startedAt;
  const failed = run.state === 'failed' || run.state === 'timed-out';
  return [
    point('Runs', dimensions, at, [1]),
    point('Failures', dimensions, at, [failed ? 1 : 0]),
    point('RunSeconds', dimensions, at, [run.durationMs / 1000]),
    ...[...stepsByName(run.steps)].flatMap(([step, views]) => stepPoints({ ...dimensions, step }, views, at)),
  ];
}

/** Of one step, or of all items of a mapped one: as many samples as there were. Seconds are those of the last attempt. */
function stepPoints(dimensions: MetricDimensions, views: readonly StepView[], runEnd: string): MetricPoint[] {
  const at = views.flatMap(({ endedAt }) => endedAt ?? []).toSorted().at(-1) ?? runEnd;
  const seconds = views.flatMap(({ durationMs }) => (durationMs === undefined ? [] : [durationMs / 1000]));
  const rows = views.flatMap(({ rows }) => rows ?? []);
  return [...(seconds.length === 0 ? [] : [point('StepSeconds', dimensions, at, seconds)]), ...(rows.length === 0 ? [] : [point('StepRows', dimensions, at, rows)])];
}

/** Every name is a metric of its own, and keys of mapped steps are without end. */
function stepsByName(steps: readonly StepView[]): Map<string, StepView[]> {
  const byName = new Map<string, StepView[]>();
  for (const step of steps) {
    const name = stepName(step.id);
    byName.set(name, [...(byName.get(name) ?? []), step]);
  }
  return byName;
}

/** What a look has seen, at the time of the look; of what could not be looked at there is no point. */
export function healthPoints({ at, pipelines }: HealthReport): MetricPoint[] {
  return pipelines.flatMap((health) => {
    const { pipeline, open, held, stuck, schedule, workers, tables = [] } = health;
    const state = stateOfHealth(health);
    const gauge = (name: MetricName, value: number | undefined, more: MetricDimensions = {}): MetricPoint[] => (value === undefined ? [] : [point(name, { pipeline, ...more }, at, [value])]);
    return [
      ...gauge('OpenRuns', open),
      ...gauge('HeldRuns', held),
      ...gauge('StuckRuns', stuck),
      ...gauge('MissedSchedules', schedule?.missed.length),
      ...gauge('Workers', workers),
      ...gauge('Unhealthy', state === 'unknown' ? undefined : Number(state === 'unhealthy')),
      ...tables.flatMap(({ table, ageSeconds }) => gauge('TableAgeSeconds', ageSeconds, { table })),
    ];
  });
}

function point(name: MetricName, dimensions: MetricDimensions, at: string, values: readonly number[]): MetricPoint {
  return { name, dimensions, at, statistics: statisticsOf(values) };
}
