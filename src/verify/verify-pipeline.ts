import type { Client } from '@temporalio/client';
import pMap from 'p-map';
import { runDisturbed, type RunOutcome } from './disturbed-run.js';
import { KILL_PLACES, readAttempts, readKill, type AttemptMark } from './gate-files.js';
import { observedSteps, type ObservedStep } from './observed-steps.js';
import { chosen, planKills, representatives, type PlannedKill } from './plan-kills.js';
import type { Stage } from './stage.js';
import { differingTables, type TablePrint } from './table-prints.js';
import type { KillOutcome, KillReport, VerifyReport } from './verify-report.js';

export interface VerifyOptions {
  client: Client;
  /** The workflow's type and its one argument. */
  workflow: string;
  params: unknown;
  /** First part of the workflow ids of its runs: `verify-3f9c`. */
  id: string;
  /** Makes the place of the run with this workflow id. */
  openStage(workflowId: string): Promise<Stage>;
  /** Ids or names of the steps to kill in; default all. */
  steps?: readonly string[];
  /** How many runs go on at the same time. */
  parallel: number;
  /** What goes on, one line each. */
  say(line: string): void;
  signal: AbortSignal;
}

/** The pipeline does not even run without being disturbed. */
export class UndisturbedRunFailed extends Error {
  override readonly name = 'UndisturbedRunFailed';
}

/** One of the steps that were asked for does not exist. */
export class NoSuchStep extends Error {
  override readonly name = 'NoSuchStep';
}

const FIRST_LIMIT_MS = 30 * 60_000;
/** What an interruption may cost: heartbeat timeout, the wait before the next attempt, the start of a worker on a busy machine. */
const PER_KILL_MS = 60_000;

/**
 * Runs the pipeline once undisturbed and then as often as it takes to kill its worker with SIGKILL at the start, in the middle
 * and at the end of every step, and compares what it has published. A run that ends otherwise is repeated kill by kill, so that
 * the report names the one that did it.
 */
export async function verifyPipeline(options: VerifyOptions): Promise<VerifyReport> {
  const begun = Date.now();
  const calm = await calmRun(options);
  const steps = observedSteps(calm.history);
  const killed = wantedSteps(representatives(steps), options.steps);
  const plan = planKills(killed);
  const limitMs = calm.durationMs * 5 + PER_KILL_MS;
  let runs = 0;

  const carryOut = async (kills: readonly PlannedKill[]): Promise<KillReport[]> => {
    runs += 1;
    const workflowId = `${options.id}-${runs}`;
    const stage = await options.openStage(workflowId);
    const outcome = await runDisturbed({ ...options, workflowId, stage, kills, limitMs: limitMs + kills.length * PER_KILL_MS });
    const reports = await Promise.all(kills.map((kill) => reportOf(kill, { run: workflowId, kills, stage, outcome, expected: calm.prints })));
    options.say(`${workflowId}: ${reports.map(({ step, place, outcome }) => `${step} ${place} ${outcome}`).join(', ')}`);
    return reports;
  };
  const inParallel = async (runsOfKills: readonly (readonly PlannedKill[])[]): Promise<KillReport[][]> =>
    pMap(runsOfKills, carryOut, { concurrency: options.parallel, signal: options.signal });

  options.say(`${options.id}-undisturbed: ${steps.length} steps; ${killed.length * 3} kills in ${plan.length} runs, ${options.parallel} at a time`);
  const together = await inParallel(plan);
  const suspects = together.flatMap((reports, index) => (reports.length > 1 && reports.some(isBad) ? [index] : []));
  const alone = (await inParallel(suspects.flatMap((index) => plan[index]!.map((kill) => [kill])))).flat();
  const kills = together.flatMap((reports, index) => {
    if (!suspects.includes(index)) return reports;
    const own = alone.filter((report) => plan[index]!.some(({ step, place }) => step === report.step && place === report.place));
    // Wrong tables that come of several kills only are found all the same; attempts that several kills have used up are no fault.
    return own.some(isBad) || reports.every(({ outcome }) => outcome !== 'different') ? own : reports;
  });

  const order = killed.map(({ id }) => id);
  return {
    tables: calm.prints,
    steps: { total: steps.length, killed: killed.length },
    runs,
    kills: kills.toSorted((a, b) => order.indexOf(a.step) - order.indexOf(b.step) || KILL_PLACES.indexOf(a.place) - KILL_PLACES.indexOf(b.place)),
    durationMs: Date.now() - begun,
  };
}

function wantedSteps(steps: readonly ObservedStep[], names: readonly string[] | undefined): readonly ObservedStep[] {
  if (names === undefined) return steps;
  const missing = names.find((name) => chosen(steps, [name]).length === 0);
  if (missing !== undefined) throw new NoSuchStep(`there is no step ${missing}; there are ${steps.map(({ id }) => id).join(', ')}`);
  return chosen(steps, names);
}

async function calmRun(options: VerifyOptions): Promise<{ prints: Record<string, TablePrint>; history: Parameters<typeof observedSteps>[0]; durationMs: number }> {
  const begun = Date.now();
  const workflowId = `${options.id}-undisturbed`;
  const stage = await options.openStage(workflowId);
  const { state, failure, prints } = await runDisturbed({ ...options, workflowId, stage, kills: [], limitMs: FIRST_LIMIT_MS });
  if (state !== 'completed') throw new UndisturbedRunFailed(failure ?? `the run did not end within ${FIRST_LIMIT_MS / 60_000} minutes`);
  const { events } = await options.client.workflow.getHandle(workflowId).fetchHistory();
  return { prints, history: events ?? [], durationMs: Date.now() - begun };
}

/** A run that has ended, and what its tables should be. */
interface DisturbedRun {
  run: string;
  kills: readonly PlannedKill[];
  stage: Stage;
  outcome: RunOutcome;
  expected: Record<string, TablePrint>;
}

async function reportOf({ step, place }: PlannedKill, { run, kills, stage, outcome: { state, failure, prints }, expected }: DisturbedRun): Promise<KillReport> {
  const kill = await readKill(stage.gates, run, step, place);
  const ofAll = await readAttempts(stage.gates, run);
  const attempts = ofAll.filter((attempt) => attempt.step === step);
  const next = kill === undefined ? undefined : attempts.find(({ attempt }) => attempt > kill.attempt);
  const differing = differingTables(expected, prints);
  const outcome: KillOutcome = state !== 'completed' ? state : differing.length > 0 ? 'different' : kill === undefined ? 'unreached' : 'same';
  const note = failure ?? (differing.length > 0 ? [...differing.map((table) => rowsOfBoth(table, prints, expected)), ...triedAgain(ofAll, kills)].join(', ') : undefined);
  return {
    step,
    place,
    outcome,
    attempts: attempts.length,
    run,
    ...(kill === undefined || next === undefined ? {} : { takenUpAfterMs: next.at - kill.at }),
    ...(note === undefined ? {} : { note }),
  };
}

function rowsOfBoth(table: string, prints: DisturbedRun['expected'], expected: DisturbedRun['expected']): string {
  return `${table} has ${prints[table]?.rows ?? 'no'} rows instead of ${expected[table]?.rows ?? 'none'}`;
}

/** A stalled machine can make Temporal try a step again in which nothing was killed: then that one may be to blame. */
function triedAgain(attempts: readonly AttemptMark[], kills: readonly PlannedKill[]): string[] {
  const others = attempts.filter(({ step, attempt }) => attempt > 1 && kills.every((kill) => kill.step !== step));
  return [...new Set(others.map(({ step }) => `${step} was tried again without a kill`))];
}

function isBad({ outcome }: KillReport): boolean {
  return outcome !== 'same' && outcome !== 'unreached';
}
