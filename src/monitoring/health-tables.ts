import type { SqlValue, TableSpec, Warehouse } from '../warehouse/warehouse.js';
import { stateOfHealth, type HealthReport, type PipelineHealth } from './health.js';

/** One row per pipeline and monitoring interval: its health as it was seen then. */
export const PIPELINE_HEALTH: TableSpec = {
  name: 'millrace_pipeline_health',
  columns: [
    { name: 'pipeline', type: 'text' },
    { name: 'interval_start', type: 'timestamp' },
    { name: 'interval_end', type: 'timestamp' },
    { name: 'looked_at', type: 'timestamp' },
    /** `healthy`, `unhealthy`, `unknown`. */
    { name: 'state', type: 'text' },
    { name: 'succeeded', type: 'bigint', nullable: true },
    { name: 'failed', type: 'bigint', nullable: true },
    { name: 'success_rate', type: 'double', nullable: true },
    { name: 'open_runs', type: 'bigint', nullable: true },
    { name: 'held_runs', type: 'bigint', nullable: true },
    { name: 'stuck_runs', type: 'bigint', nullable: true },
    { name: 'last_seconds', type: 'double', nullable: true },
    { name: 'median_seconds', type: 'double', nullable: true },
    { name: 'most_seconds', type: 'double', nullable: true },
    /** `active`, `paused`, `not-applied`. */
    { name: 'schedule', type: 'text', nullable: true },
    { name: 'missed', type: 'bigint', nullable: true },
    { name: 'workers', type: 'bigint', nullable: true },
    /** What is wrong, in sentences, one line each. */
    { name: 'problems', type: 'text' },
  ],
  key: ['pipeline', 'interval_start'],
};

/** One row per table with a target and monitoring interval. */
export const TABLE_AGES: TableSpec = {
  name: 'millrace_table_ages',
  columns: [
    { name: 'pipeline', type: 'text' },
    { name: 'table_name', type: 'text' },
    { name: 'interval_start', type: 'timestamp' },
    { name: 'interval_end', type: 'timestamp' },
    { name: 'looked_at', type: 'timestamp' },
    { name: 'age_hours', type: 'double', nullable: true },
    { name: 'most_hours', type: 'double' },
    { name: 'published_at', type: 'timestamp', nullable: true },
  ],
  key: ['pipeline', 'table_name', 'interval_start'],
};

/** Replaces what an earlier attempt, or an earlier run of the same interval, has stored. */
export async function storeHealth(warehouse: Warehouse, { at, pipelines }: HealthReport, { start, end }: { start: string; end: string }): Promise<{ rows: number }> {
  const health = pipelines.map((pipeline) => [pipeline.pipeline, start, end, at, ...healthValues(pipeline)]);
  const ages = pipelines.flatMap(({ pipeline, tables = [] }) =>
    tables.map(({ table, ageSeconds, mostHours, publishedAt }): SqlValue[] => [pipeline, table, start, end, at, ageSeconds === undefined ? null : ageSeconds / 3600, mostHours, publishedAt ?? null]),
  );
  await warehouse.replaceRows(PIPELINE_HEALTH, { interval_start: start }, health);
  await warehouse.replaceRows(TABLE_AGES, { interval_start: start }, ages);
  return { rows: health.length + ages.length };
}

function healthValues(health: PipelineHealth): SqlValue[] {
  const { runs, successRate, open, held, stuck, duration, schedule, workers, problems } = health;
  return [
    stateOfHealth(health),
    runs?.succeeded ?? null,
    runs === undefined ? null : runs.failed + runs.timedOut,
    successRate ?? null,
    open ?? null,
    held ?? null,
    stuck ?? null,
    duration?.last ?? null,
    duration?.median ?? null,
    duration?.most ?? null,
    schedule?.state ?? null,
    schedule?.missed.length ?? null,
    workers ?? null,
    problems.map(({ message }) => message).join('\n'),
  ];
}
