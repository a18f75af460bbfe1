import { ApplicationFailure, isCancellation, proxyActivities, sleep, TemporalFailure } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { MeasuredRuns } from '../activities/pipeline-monitoring/measure-runs.js';
import type { MetricService } from '../activities/pipeline-monitoring/publish-metrics.js';
import type { ToldHealth } from '../activities/pipeline-monitoring/tell-of-health.js';
import { dataInterval, type DataInterval, type IntervalParams } from '../src/durable/data-interval.js';
import { describeError } from '../src/durable/describe-error.js';
import { msToNumber } from '../src/durable/duration.js';
import { mapSteps } from '../src/durable/map-steps.js';
import type { HealthReport, Unreached } from '../src/monitoring/health.js';
import { MONITOR, VISIBLE_AFTER } from './policies.js';

const { lookAtPipelines, storeHealth, measureRuns, publishMetrics, tellOfHealth } = proxyActivities<Activities>(MONITOR);

const SERVICES = ['warehouse', 'cloudwatch'] as const satisfies readonly MetricService[];

export interface PipelineMonitoringResult {
  interval: DataInterval;
  /** Absent for an interval that is long over: then only its runs are measured. */
  health?: Pick<HealthReport, 'at' | 'pipelines'> & ToldHealth;
  /** Points that are there now, by service; `null` for one that is not connected or could not be reached. */
  published: Record<MetricService, number | null>;
  /** Points that may have arrived and may not. */
  unsure: number;
  /** What could not be reached; everything else is as it should be. */
  unreached: Unreached[];
}

/** The health of all pipelines and the age of their tables: looked at, kept, measured, published, and told where something is wrong. */
export async function pipelineMonitoring(params: IntervalParams = {}): Promise<PipelineMonitoringResult> {
  const interval = dataInterval(params);
  await untilVisible(interval);
  const report = await lookAtPipelines(interval);
  const unreached = [...(report?.unreached ?? [])];
  const orGoOn = report === null ? orFail : goOnWith(unreached);

  if (report !== null) await orGoOn('the health tables of the warehouse', () => storeHealth(report, interval));
  const measured = await orGoOn('the runs to measure', () => measureRuns(report, interval));
  const [warehouse, cloudwatch] = await mapSteps(SERVICES, (service) => orGoOn(`the metrics of ${service}`, () => publishMetrics(service, batchesOf(measured))), { key: (service) => service });
  const published = { warehouse: warehouse?.published ?? null, cloudwatch: cloudwatch?.published ?? null };
  const unsure = (warehouse?.unsure ?? 0) + (cloudwatch?.unsure ?? 0);
  if (report === null) return { interval, published, unsure, unreached };
  const told = await tellOfHealth({ ...report, unreached }, interval);
  return { interval, health: { at: report.at, pipelines: report.pipelines, ...told }, published, unsure, unreached };
}

function batchesOf(measured: MeasuredRuns | undefined): string[] {
  if (measured === undefined) throw ApplicationFailure.nonRetryable('the runs could not be measured, so that there was nothing to publish');
  return measured.batches;
}

/** What fails for good is named, and the rest goes on. */
function goOnWith(unreached: Unreached[]): OrGoOn {
  return async (part, step) => {
    try {
      return await step();
    } catch (error) {
      if (isCancellation(error) || !(error instanceof TemporalFailure)) throw error;
      unreached.push({ part, why: describeError(error).message });
      return undefined;
    }
  };
}

/** Without a look nobody would be told of what was not reached, but of a run that has failed. */
const orFail: OrGoOn = (_part, step) => step();

type OrGoOn = <T>(part: string, step: () => Promise<T>) => Promise<T | undefined>;

/**
 * At the moment at which a run ends, Temporal's visibility may not know it yet. Of an interval that is not over for a while, what ends
 * later is left to a later run; one that is about to be may be over by another clock.
 */
async function untilVisible({ end }: DataInterval): Promise<void> {
  const most = msToNumber(VISIBLE_AFTER);
  const left = Date.parse(end) + most - Date.now();
  if (left > 0 && left <= 2 * most) await sleep(left);
}
