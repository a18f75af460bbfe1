import type { Client, ScheduleDescription } from '@temporalio/client';
import { msNumberToTs } from '@temporalio/common/lib/time.js';
import { describeSchedule } from '../schedules/apply-schedules.js';
import type { ScheduleHealth } from './health.js';

/** A server that was down catches up within this time after it is back. */
const GRACE_MS = 5 * 60_000;
const LOOK_BACK_MS = 24 * 3_600_000;
/** So many of a schedule's actions does the server remember. */
const REMEMBERED_ACTIONS = 10;

/**
 * A schedule's actions against its own times, both as the server has them. `activeSince`: since when it has been seen active; what was
 * due before, while it was paused or not there, was not missed.
 */
export async function lookAtSchedule(client: Client, scheduleId: string, activeSince: Date, now: Date): Promise<ScheduleHealth> {
  const description = await describeSchedule(client, scheduleId);
  if (description === undefined) return { state: 'not-applied', missed: [] };
  if (description.state.paused) return { state: 'paused', missed: [] };
  const since = Math.max(activeSince.getTime(), description.info.createdAt.getTime(), description.info.lastUpdatedAt?.getTime() ?? 0, rememberedSince(description), now.getTime() - LOOK_BACK_MS);
  const due = await dueTimes(client, scheduleId, since, now.getTime() - GRACE_MS);
  const taken = new Set(description.info.recentActions.map(({ scheduledAt }) => scheduledAt.getTime()));
  const lastDue = due.at(-1);
  return {
    state: 'active',
    missed: due.filter((time) => !taken.has(time)).map((time) => new Date(time).toISOString()),
    ...(lastDue === undefined ? {} : { lastDue: new Date(lastDue).toISOString() }),
  };
}

function rememberedSince({ info: { recentActions } }: ScheduleDescription): number {
  return recentActions.length < REMEMBERED_ACTIONS ? 0 : recentActions[0]!.scheduledAt.getTime();
}

/** By the schedule's own specification, whatever the catalog says; milliseconds since the epoch, at most 1,000. */
async function dueTimes(client: Client, scheduleId: string, after: number, until: number): Promise<number[]> {
  if (until <= after) return [];
  const { startTime } = await client.workflowService.listScheduleMatchingTimes({ namespace: client.options.namespace, scheduleId, startTime: msNumberToTs(after), endTime: msNumberToTs(until) });
  return (startTime ?? []).map(({ seconds }) => Number(seconds) * 1000).filter((time) => time > after);
}
