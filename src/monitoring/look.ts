import type { Client } from '@temporalio/client';
import pMap from 'p-map';
import type { Pipeline } from '../catalog.js';
import { pollersOf, type Pollers } from '../runs/pollers.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { findProblems } from './find-problems.js';
import type { HealthReport, PipelineHealth, ProblemKind, RunCounts, Unreached } from './health.js';
import { countHeldRuns, countRuns, lookAtDuration, lookAtLastRun, lookAtOpenRuns } from './look-at-runs.js';
import { lookAtSchedule } from './look-at-schedule.js';
import { tableAges } from './table-ages.js';

/** Of the counts of runs. */
const WINDOW_MS = 24 * 3_600_000;
/** Pipelines that are looked at side by side: the server has other things to do. */
const CONCURRENCY = 4;

export interface LookOptions {
  client: Client;
  pipelines: readonly Pipeline[];
  warehouse: () => Warehouse;
  /** Since when a pipeline's schedule has been seen active; `now` where nobody has looked before. */
  activeSince: (pipeline: string) => Date;
  /** Takes secrets out of messages. */
  redact: (text: string) => string;
  now: Date;
  signal: AbortSignal;
}

/** The health of all pipelines. What cannot be reached is named in the report, and everything else is looked at all the same. */
export async function lookAtPipelines(options: LookOptions): Promise<HealthReport> {
  const { pipelines, now } = options;
  const window = { start: new Date(now.getTime() - WINDOW_MS).toISOString(), end: now.toISOString() };
  const unreached: Unreached[] = [];
  const pollers = new Map<string, Promise<Pollers>>();
  const pollersOnce = (taskQueue: string): Promise<Pollers> => {
    const asked = pollers.get(taskQueue) ?? pollersOf(options.client, taskQueue);
    pollers.set(taskQueue, asked);
    return asked;
  };
  const looks = await pMap(pipelines, (pipeline) => lookAtPipeline(pipeline, options, window, pollersOnce), { concurrency: CONCURRENCY });
  for (const { missing } of looks) unreached.push(...missing);
  return { at: now.toISOString(), window, pipelines: looks.map(({ health }) => health), unreached };
}

async function lookAtPipeline(
  pipeline: Pipeline,
  { client, warehouse, activeSince, redact, now, signal }: LookOptions,
  window: HealthReport['window'],
  pollers: (taskQueue: string) => Promise<Pollers>,
): Promise<{ health: PipelineHealth; missing: Unreached[] }> {
  const missing: Unreached[] = [];
  const unknown: ProblemKind[] = [];
  /** `undefined` where the part could not be looked at; then nothing is said of these kinds of problems. */
  const part = async <T>(name: string, kinds: readonly ProblemKind[], look: () => Promise<T>): Promise<T | undefined> => {
    signal.throwIfAborted();
    try {
      return await look();
    } catch (error) {
      signal.throwIfAborted();
      missing.push({ part: name, pipeline: pipeline.name, why: redact(error instanceof Error ? error.message : String(error)) });
      unknown.push(...kinds);
      return undefined;
    }
  };

  const since = activeSince(pipeline.name);
  const [runs, duration, openRuns, held, last, schedule, polled, tables] = await Promise.all([
    part('the counts of runs', [], () => countRuns(client, pipeline, window)),
    part('the durations', ['slow-run'], () => lookAtDuration(client, pipeline)),
    part('the open runs', [], () => lookAtOpenRuns(client, pipeline)),
    part('the held runs', [], () => countHeldRuns(client, pipeline)),
    part('the last run', ['ended-by-temporal'], () => lookAtLastRun(client, pipeline)),
    pipeline.schedule === undefined ? undefined : part('the schedule', ['missed-schedule'], () => lookAtSchedule(client, pipeline.name, since, now)),
    part('the workers', ['no-workers'], () => pollers(pipeline.taskQueue)),
    pipeline.freshness === undefined ? undefined : part('the tables', ['stale-table'], () => tableAges(warehouse(), pipeline.freshness!, now, signal)),
  ]);
  const rate = runs === undefined ? undefined : successRate(runs);
  const seen: Omit<PipelineHealth, 'problems' | 'unknown'> = {
    pipeline: pipeline.name,
    ...(runs === undefined ? {} : { runs }),
    ...(rate === undefined ? {} : { successRate: rate }),
    ...(last === undefined ? {} : { last }),
    ...(duration === undefined ? {} : { duration }),
    ...openRuns,
    ...(held === undefined ? {} : { held }),
    ...(schedule === undefined ? {} : { schedule }),
    ...(polled === undefined ? {} : { workers: new Set([...polled.workflows, ...polled.activities]).size }),
    ...(tables === undefined ? {} : { tables }),
  };
  const isPolled = polled === undefined ? undefined : polled.workflows.length > 0 && polled.activities.length > 0;
  return { health: { ...seen, problems: findProblems(pipeline, seen, { polled: isPolled, activeSince: since }, now), unknown }, missing };
}

/** Who ended a run by hand says nothing of the pipeline. */
function successRate({ succeeded, failed, timedOut }: RunCounts): number | undefined {
  const ended = succeeded + failed + timedOut;
  return ended === 0 ? undefined : succeeded / ended;
}
