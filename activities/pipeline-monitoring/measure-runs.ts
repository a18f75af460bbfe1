import { Context } from '@temporalio/activity';
import type { DataInterval } from '../../src/durable/data-interval.js';
import { forgetDay, healthBatch } from '../../src/monitoring/batches.js';
import type { HealthReport } from '../../src/monitoring/health.js';
import { measureQuarter } from '../../src/monitoring/measure-runs.js';
import { quartersBefore, quartersOf } from '../../src/monitoring/quarters.js';
import { healthPoints } from '../../src/monitoring/run-points.js';
import { reportProgress } from '../../src/steps/progress.js';
import type { Dependencies } from '../dependencies.js';

/** CloudWatch takes nothing older, and notes are kept as long. */
const KEPT_DAYS = 14;
const DAY_MS = 24 * 3_600_000;
/** A run may become visible late: quarters of the last hour are asked again. */
const LATE_QUARTERS = 4;

export interface MeasuredRuns {
  /** What there is to publish, in the order of time. */
  batches: string[];
  /** Quarters that are too far back to be measured. */
  tooOld: number;
}

/** Puts the measurements of the interval into batches, each run and each look once, whoever measures and however often. */
export function createMeasureRuns(deps: Pick<Dependencies, 'lake'>) {
  return async function measureRuns(report: HealthReport | null, interval: DataInterval): Promise<MeasuredRuns> {
    const { client, cancellationSignal: signal } = Context.current();
    const store = deps.lake();
    const asked = quartersOf(interval);
    const oldest = Date.now() - KEPT_DAYS * DAY_MS;
    const young = asked.filter(({ start }) => Date.parse(start) > oldest);
    const [first] = young;
    const quarters = first === undefined ? [] : [...quartersBefore(first, LATE_QUARTERS), ...young];
    const batches: string[] = [];
    for (const quarter of quarters) {
      batches.push(...(await measureQuarter(client, store, quarter, signal)));
      reportProgress({ batches: batches.length });
    }
    const last = young.at(-1);
    if (report !== null && last !== undefined) batches.push(await healthBatch(store, last, healthPoints(report), signal));
    await forgetDay(store, new Date(oldest - 2 * DAY_MS).toISOString().slice(0, 10), signal);
    return { batches, tooOld: asked.length - young.length };
  };
}
