/** Of several measurements with one name and time; of a single one all four are the same but for the count. */
export interface Statistics {
  count: number;
  sum: number;
  min: number;
  max: number;
}

/** What is measured. `…Seconds` are seconds, everything else is a count. */
export type MetricName = 'Runs' | 'Failures' | 'RunSeconds' | 'StepSeconds' | 'StepRows' | 'OpenRuns' | 'HeldRuns' | 'StuckRuns' | 'MissedSchedules' | 'Unhealthy' | 'TableAgeSeconds' | 'Workers';

/** What a measurement is about. Never an interval, a run or the key of a mapped step: each new value would be a new metric. */
export interface MetricDimensions {
  pipeline?: string;
  step?: string;
  table?: string;
}

export interface MetricPoint {
  name: MetricName;
  dimensions: MetricDimensions;
  /** When what was measured happened, ISO 8601 UTC; not when it was published. */
  at: string;
  statistics: Statistics;
}

/** Points that are published together. The same id always has the same points, whoever publishes it and however often. */
export interface MetricBatch {
  /** `2026-01-31/1015/1`: of a quarter of an hour. Letters, digits, `-` and `/`. */
  id: string;
  points: readonly MetricPoint[];
}

export interface Publication {
  /** Points that are there now, by this call or by an earlier one. */
  published: number;
  /** Points that may have arrived and may not: they are not sent again, so that none counts twice. */
  unsure: number;
  /** Points that are older than the other side takes. */
  tooOld: number;
}

/**
 * Where measurements go. A batch counts once, however often and by however many runs it is published. Every adapter passes
 * `test/contracts/metric-sink.contract.ts`.
 *
 * Errors: `METRICS_UNAVAILABLE` (retryable; what was not sent goes with the next call), `METRICS_FORBIDDEN`, `METRICS_REJECTED`, and those
 * of the warehouse or the object store behind it.
 */
export interface MetricSink {
  /** For people, never with credentials. */
  readonly description: string;
  publish(batch: MetricBatch, options: { signal: AbortSignal }): Promise<Publication>;
  /** One sentence when measurements can be published; else throws. Used by `millrace connections check`. */
  check(): Promise<string>;
  close(): Promise<void>;
}

/** `Seconds` or `Count`: the units of all names. */
export function unitOf(name: MetricName): 'Seconds' | 'Count' {
  return name.endsWith('Seconds') ? 'Seconds' : 'Count';
}

export function statisticsOf(values: readonly number[]): Statistics {
  return {
    count: values.length,
    sum: values.reduce((sum, value) => sum + value, 0),
    min: values.reduce((least, value) => Math.min(least, value), Infinity),
    max: values.reduce((most, value) => Math.max(most, value), -Infinity),
  };
}
