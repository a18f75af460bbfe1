import { WorkflowExecutionAlreadyStartedError, WorkflowIdConflictPolicy, WorkflowIdReusePolicy, type Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { DateTime } from 'luxon';
import type { Pipeline } from '../catalog.js';
import { intervalBounds, intervalParams, type IntervalParams } from '../durable/data-interval.js';
import type { RunIds } from '../runs/follow-run.js';
import { RUN_OPTIONS_MEMO, type RunOptions } from '../steps/run-options.js';
import { CliError, usageError } from './cli-error.js';
import { EXIT_CODES } from './exit-codes.js';
import { nearest } from './find-run.js';

export interface PlannedRun {
  workflowId: string;
  interval: { label: string; start: string; end: string };
  params: Record<string, unknown>;
}

export interface RunRequest {
  date?: string;
  start?: string;
  end?: string;
  timezone?: string;
  /** `name=JSON`, as they were typed. */
  params: readonly string[];
}

/** Which run is asked for: everything is checked here, before Temporal or a source hears of it. */
export function planRun(pipeline: Pipeline, request: RunRequest, now: Date): PlannedRun {
  if (pipeline.continuous === true) return planStream(pipeline, request, now);
  const timezone = request.timezone ?? pipeline.schedule?.timezone ?? 'UTC';
  const asked: IntervalParams = { timezone, ...pick(request, 'date', 'start', 'end') };
  const isNamed = asked.date !== undefined || asked.start !== undefined || asked.end !== undefined;
  const cron = pipeline.schedule?.cron;
  const interval = boundsOf(isNamed || cron === undefined ? asked : { timezone, cron }, now);
  // Named, so that the run means the same interval when midnight passes before it starts.
  const chosen: IntervalParams = isNamed ? asked : intervalParams(interval, timezone);
  return { workflowId: `${pipeline.name}-${interval.label}`, interval, params: { ...chosen, ...parseParams(pipeline, request.params) } };
}

/** One run at a time, whatever the day. */
function planStream(pipeline: Pipeline, { date, start, end, params }: RunRequest, now: Date): PlannedRun {
  if ((date ?? start ?? end) !== undefined) throw usageError(`${pipeline.name} has no interval: it runs until it is drained`, `millrace run ${pipeline.name}`);
  return { workflowId: pipeline.name, interval: boundsOf({ date: now.toISOString().slice(0, 10) }, now), params: parseParams(pipeline, params) };
}

function pick(request: RunRequest, ...names: ('date' | 'start' | 'end')[]): Partial<IntervalParams> {
  return Object.fromEntries(names.filter((name) => request[name] !== undefined).map((name) => [name, request[name]]));
}

function boundsOf(params: IntervalParams, now: Date): PlannedRun['interval'] {
  try {
    return intervalBounds(params, now);
  } catch (error) {
    if (error instanceof ApplicationFailure) throw usageError(error.message, 'see millrace run --help');
    throw error;
  }
}

/** `name=JSON`, as they were typed, by name; `USAGE` for what the pipeline does not know. */
export function parseParams(pipeline: Pipeline, texts: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(texts.map((text) => parseParam(pipeline, text)));
}

function parseParam(pipeline: Pipeline, text: string): [string, unknown] {
  const equals = text.indexOf('=');
  if (equals < 1) throw usageError(`--param ${text} is not name=JSON`, `see millrace show ${pipeline.name}`);
  const name = text.slice(0, equals);
  const known = pipeline.parameters.find((parameter) => parameter.name === name);
  if (known === undefined) {
    const near = nearest(name, pipeline.parameters.map((parameter) => parameter.name));
    throw usageError(`${pipeline.name} has no parameter ${name}`, near === undefined ? `see millrace show ${pipeline.name}` : `did you mean ${near}?`);
  }
  try {
    return [name, JSON.parse(text.slice(equals + 1))];
  } catch (error) {
    throw new CliError(EXIT_CODES.USAGE, `the value of --param ${name} is not JSON`, `write it as --param ${name}='${known.example}'`, { cause: error });
  }
}

/** Starts the run, with `options` where it is to behave otherwise than the catalog says; of one interval only one manual run can be open at a time. */
export async function startRun(client: Client, pipeline: Pipeline, planned: PlannedRun, options: RunOptions = {}): Promise<RunIds> {
  const { workflowId } = planned;
  try {
    const handle = await client.workflow.start(pipeline.workflow, {
      workflowId,
      taskQueue: pipeline.taskQueue,
      args: [planned.params],
      memo: { [RUN_OPTIONS_MEMO]: { ...pipeline.options, ...options } },
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
      staticSummary: pipeline.continuous === true ? pipeline.name : `${pipeline.name} ${planned.interval.label}`,
    });
    return { workflowId, runId: handle.firstExecutionRunId };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw new CliError(EXIT_CODES.CONFLICT, `${workflowId} is running already`, `millrace watch ${workflowId}, or millrace cancel ${workflowId}`, { cause: error });
  }
}

/** The calendar days (UTC) that an interval touches: what the demonstration's sources are asked to have. */
export function daysOf({ start, end }: PlannedRun['interval']): string[] {
  const days: string[] = [];
  const last = DateTime.fromISO(end, { zone: 'utc' });
  for (let day = DateTime.fromISO(start, { zone: 'utc' }).startOf('day'); day < last; day = day.plus({ days: 1 })) days.push(day.toISODate()!);
  return days;
}
