import type { Client } from '@temporalio/client';
import leven from 'leven';
import { CATALOG, findPipeline, type Pipeline } from '../catalog.js';
import type { RunIds } from '../runs/follow-run.js';
import { resolveRun } from '../runs/resolve-run.js';
import type { RunState } from '../runs/run-view.js';
import { notFound, usageError } from './cli-error.js';
import { EXIT_CODES, type ExitCode } from './exit-codes.js';

/** The run that is meant, or an error that says how to find it. */
export async function findRun(client: Client, name: string, date: unknown): Promise<RunIds> {
  const day = typeof date === 'string' ? date : undefined;
  if (day !== undefined && findPipeline(name) === undefined) throw usageError(`--date needs a pipeline's name instead of ${name}`, 'see millrace list');
  const found = await resolveRun(client, name, day);
  if (found !== undefined) return { workflowId: found.workflowId, runId: found.runId };
  const what = name === 'last' ? 'there is no run yet' : `there is no run ${name}${day === undefined ? '' : ` of ${day}`}`;
  throw notFound(what, `see millrace runs${findPipeline(name) === undefined ? '' : ` ${name}`}`);
}

/** The pipeline of the catalog, or an error with the names that are near. */
export function knownPipeline(name: string): Pipeline {
  const pipeline = findPipeline(name);
  if (pipeline !== undefined) return pipeline;
  const near = nearest(name, CATALOG.map((candidate) => candidate.name));
  throw notFound(`there is no pipeline ${name}`, near === undefined ? 'see millrace list' : `did you mean ${near}? See millrace list`);
}

/** The same for verbs that are about intervals, or about runs that end by themselves. */
export function knownEndingPipeline(name: string): Pipeline {
  const pipeline = knownPipeline(name);
  if (pipeline.continuous === true) throw usageError(`${name} has no intervals: it runs until it is drained`, `see millrace show ${name}`);
  return pipeline;
}

/** The name that was probably meant; `undefined` when none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((candidate) => ({ candidate, distance: leven(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(2, candidate.length / 3) || candidate.startsWith(name))
    .sort((a, b) => a.distance - b.distance);
  return best?.candidate;
}

/** Only a run that has completed is a success. */
export function exitCodeOfRun(state: RunState): ExitCode {
  return state === 'completed' || state === 'continued' ? EXIT_CODES.OK : EXIT_CODES.FAILED;
}

/** A positive whole number out of the command line. */
export function positiveInteger(option: string, value: unknown): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 1) throw usageError(`${option} ${String(value)} is not a positive whole number`, `give ${option} 20, for example`);
  return number;
}
