import { ScheduleAlreadyRunning, ScheduleNotFoundError, type Client, type ScheduleDescription } from '@temporalio/client';
import type { Pipeline, PipelineSchedule } from '../catalog.js';
import { askForAttributes } from '../steps/client-interceptors.js';
import { compileSchedule, type PipelineScheduleOptions } from './compile-schedule.js';
import { desiredFields, presentFields } from './schedule-fields.js';

export interface FieldChange {
  field: string;
  from: string;
  to: string;
}

export interface AppliedSchedule {
  pipeline: string;
  outcome: 'created' | 'updated' | 'unchanged';
  changes: FieldChange[];
  /** An operator's pause outlives an update. */
  paused: boolean;
  nextRun?: string;
}

/** Makes the schedule in Temporal what the catalog says; doing it twice changes nothing. */
export async function applySchedule(client: Client, pipeline: Pipeline, now: Date): Promise<AppliedSchedule> {
  if (pipeline.schedule === undefined) throw new Error(`${pipeline.name} has no schedule`);
  const wanted = await wantedSchedule(client, pipeline, pipeline.schedule, now);
  const handle = client.schedule.getHandle(pipeline.name);
  const present = await describeSchedule(client, pipeline.name);
  const changes = present === undefined ? [] : changesBetween(present, wanted);
  let outcome: AppliedSchedule['outcome'] = 'unchanged';
  if (present === undefined) outcome = await create(client, wanted);
  if (changes.length > 0) {
    await handle.update(({ state }) => ({ spec: wanted.spec, action: wanted.action, policies: wanted.policies ?? {}, state }));
    outcome = 'updated';
  }
  const after = await handle.describe();
  return { pipeline: pipeline.name, outcome, changes, paused: after.state.paused, ...nextRun(after) };
}

/** The schedule as the catalog says, for a namespace that may or may not know our search attributes. `BAD_PARAMS` as `compileSchedule`. */
export async function wantedSchedule(client: Client, pipeline: Pipeline, schedule: PipelineSchedule, now: Date): Promise<PipelineScheduleOptions> {
  const searchable = await askForAttributes(client.connection, client.options.namespace)();
  return compileSchedule(pipeline, schedule, now, { searchable });
}

/** Two people who apply at the same time make one schedule. */
async function create(client: Client, wanted: PipelineScheduleOptions): Promise<'created' | 'unchanged'> {
  try {
    await client.schedule.create(wanted);
    return 'created';
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) return 'unchanged';
    throw error;
  }
}

/** `undefined` when it has not been applied, or was deleted. */
export async function describeSchedule(client: Client, name: string): Promise<ScheduleDescription | undefined> {
  try {
    return await client.schedule.getHandle(name).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

/** What applying the schedule would change. */
export function changesBetween(present: ScheduleDescription, wanted: PipelineScheduleOptions): FieldChange[] {
  const before = presentFields(present);
  return Object.entries(desiredFields(wanted)).flatMap(([field, to]) => {
    const from = before[field] ?? '';
    return from === to ? [] : [{ field, from, to }];
  });
}

/** ISO 8601 UTC; nothing for a schedule that is paused or has ended. */
export function nextRun({ info, state }: ScheduleDescription): { nextRun?: string } {
  const next = info.nextActionTimes[0];
  return next === undefined || state.paused ? {} : { nextRun: next.toISOString() };
}
