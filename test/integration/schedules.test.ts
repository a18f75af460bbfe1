import { DateTime } from 'luxon';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Client } from '@temporalio/client';
import type { Pipeline } from '../../src/catalog.js';
import { intervalsBetween, type CronInterval } from '../../src/durable/cron-intervals.js';
import { intervalBounds } from '../../src/durable/data-interval.js';
import { applySchedule, describeSchedule } from '../../src/schedules/apply-schedules.js';
import { compileSchedule } from '../../src/schedules/compile-schedule.js';
import { locateTemporal, startTemporal, type TemporalServer } from '../servers/temporal.js';
import { describeWithServer } from '../support/with-server.js';

const NOW = new Date('2026-01-15T12:00:00Z');

function pipeline(name: string, cron: string, timezone: string): Pipeline {
  return {
    name,
    workflow: 'someWorkflow',
    description: '',
    owner: '',
    taskQueue: 'nobody-polls-this',
    connections: [],
    parameters: [],
    schedule: { cron, timezone },
    alerts: { routes: [] },
    publishes: [],
  };
}

/** All that are not as long as most, and some others: the days on which clocks change are among them. */
function sample(intervals: readonly CronInterval[]): CronInterval[] {
  const length = ({ start, end }: CronInterval): number => Date.parse(end) - Date.parse(start);
  return intervals.filter((interval, index) => index % 97 === 0 || length(interval) !== length(intervals[0]!)).slice(0, 300);
}

describeWithServer('schedules on a Temporal server', locateTemporal, () => {
  let server: TemporalServer;
  let client: Client;

  beforeAll(async () => {
    server = await startTemporal();
    client = server.env.client;
  });
  afterAll(() => server?.stop());

  /** Asks the server, not our own arithmetic. */
  async function nominalTimes(scheduleId: string, from: string, to: string): Promise<Date[]> {
    const seconds = (iso: string) => ({ seconds: { low: Date.parse(iso) / 1000, high: 0, unsigned: false }, nanos: 0 }) as never;
    const { startTime } = await client.workflowService.listScheduleMatchingTimes({
      namespace: server.namespace,
      scheduleId,
      startTime: seconds(from),
      endTime: seconds(to),
    });
    return startTime.map((time) => new Date(Number(time.seconds) * 1000));
  }

  /** Both ends included; month by month, because the server answers at most 1,000 times. */
  async function nominalTimesOf(scheduleId: string, first: string, last: string): Promise<Date[]> {
    const times: Date[] = [];
    const end = DateTime.fromISO(last).plus({ seconds: 1 });
    for (let from = DateTime.fromISO(first).minus({ seconds: 1 }); from < end; from = from.plus({ days: 7 })) {
      times.push(...(await nominalTimes(scheduleId, from.toUTC().toISO()!, DateTime.min(from.plus({ days: 7, seconds: -1 }), end).toUTC().toISO()!)));
    }
    return times;
  }

  it.each([
    ['30 2 * * *', 'Europe/Berlin'],
    ['30 2 * * *', 'America/New_York'],
    ['15 2 * * *', 'Australia/Lord_Howe'],
    ['45 1 * * *', 'Australia/Lord_Howe'],
    ['30 1 * * *', 'Europe/London'],
    ['0 0 * * *', 'Africa/Cairo'],
    ['30 23 * * *', 'America/Nuuk'],
    ['30 23 * * *', 'America/Santiago'],
    ['30 0 * * *', 'America/Havana'],
    ['0 0 * * *', 'Atlantic/Azores'],
    ['59 23 * * *', 'Asia/Beirut'],
    ['30 2 * * *', 'UTC'],
  ])('run "%s" in %s exactly once on every calendar day, with intervals that touch each other', async (cron, timezone) => {
    const name = `daily-${cron.replaceAll(/[ *]+/g, '-')}${timezone.replace('/', '-')}`;
    await applySchedule(client, pipeline(name, cron, timezone), NOW);

    for (const year of [2026, 2027, 2044]) {
      const first = DateTime.fromObject({ year }, { zone: timezone });
      const times = await nominalTimes(name, first.minus({ seconds: 1 }).toUTC().toISO()!, first.plus({ years: 1 }).minus({ seconds: 1 }).toUTC().toISO()!);

      const days = times.map((time) => DateTime.fromJSDate(time, { zone: timezone }).toISODate()!);
      const calendar = Array.from({ length: first.daysInYear }, (_, day) => first.plus({ days: day }).toISODate()!);
      expect(days).toEqual(calendar);

      const intervals = times.map((time) => intervalBounds({ timezone, cron }, time));
      for (const [index, interval] of intervals.slice(1).entries()) expect(interval.start).toBe(intervals[index]!.end);
      expect(intervals).toEqual(times.map((time) => intervalBounds({ timezone }, time)));
    }
  });

  it.each([
    ['0 * * * *', 'Europe/Berlin'],
    ['0 * * * *', 'America/New_York'],
    ['0 * * * *', 'Europe/London'],
    ['*/15 * * * *', 'Australia/Lord_Howe'],
    ['0 * * * *', 'America/Havana'],
    ['30 * * * *', 'America/Nuuk'],
    ['0 * * * *', 'America/Santiago'],
    ['0 * * * *', 'Atlantic/Azores'],
    ['0 * * * *', 'Africa/Cairo'],
    ['15 2,14 * * *', 'Europe/Berlin'],
    ['30 0,2,12 * * *', 'America/Havana'],
    ['30 2 * * 1-5', 'Europe/Berlin'],
    ['30 2 * * 0', 'America/New_York'],
    ['30 1 1 * *', 'Asia/Kathmandu'],
    ['30 0 * * 0', 'America/Havana'],
  ])('divide the year by "%s" in %s into intervals that touch each other, one for each run of the server', { timeout: 120_000 }, async (cron, timezone) => {
    const name = `divided-${cron.replaceAll(/[ *]+/g, '-').replaceAll(/[/,]/g, '_')}${timezone.replace('/', '-')}`;
    await applySchedule(client, pipeline(name, cron, timezone), NOW);

    const [from, to] = ['2025-12-31T00:00:00Z', '2027-01-01T00:00:00Z'].map((time) => new Date(time)) as [Date, Date];
    const intervals = [...intervalsBetween({ cron, timezone, from, to })];
    for (const [index, { start }] of intervals.slice(1).entries()) expect(start).toBe(intervals[index]!.end);

    const [first, last] = [intervals[0]!.nominal, intervals.at(-1)!.nominal];
    const times = await nominalTimesOf(name, first, last);
    expect(times.map((time) => time.toISOString())).toEqual(intervals.map(({ nominal }) => nominal));
    for (const { nominal, ...interval } of sample(intervals)) expect(intervalBounds({ cron, timezone }, new Date(nominal))).toEqual(interval);
  });

  it('give their runs the options of the pipeline, overridden by those of the schedule, and our search attributes', async () => {
    const plain = pipeline('optioned', '0 1 * * *', 'UTC');
    await applySchedule(client, plain, NOW);
    const optioned: Pipeline = { ...plain, options: { onStepFailure: 'hold', holdFor: '12h' }, schedule: { ...plain.schedule!, options: { holdFor: '2h' } } };
    const { outcome, changes } = await applySchedule(client, optioned, NOW);
    expect(outcome).toBe('updated');
    expect(changes).toEqual([{ field: 'options', from: '{}', to: '{"onStepFailure":"hold","holdFor":"2h"}' }]);
    expect(await applySchedule(client, optioned, NOW)).toMatchObject({ outcome: 'unchanged' });

    await client.schedule.getHandle('optioned').trigger();
    await expect.poll(async () => (await client.workflow.list({ query: `WorkflowId STARTS_WITH 'optioned-scheduled'` })[Symbol.asyncIterator]().next()).value as unknown, { timeout: 20_000 }).toMatchObject({ memo: { millrace: { onStepFailure: 'hold', holdFor: '2h' } }, searchAttributes: { MillracePipeline: ['someWorkflow'], MillraceState: ['running'] } });
  });

  it('cover the days on which clocks change with intervals of 23 and 25 hours', () => {
    const hours = ['2026-03-30T00:30:00Z', '2026-10-26T01:30:00Z', '2026-11-02T01:30:00Z'].map((nominal) => {
      const { start, end } = intervalBounds({ timezone: 'Europe/Berlin' }, new Date(nominal));
      return (Date.parse(end) - Date.parse(start)) / 3_600_000;
    });
    expect(hours).toEqual([23, 25, 24]);
  });

  it('leaves schedules alone that run several times an hour, which no change of clocks can silence for a day', () => {
    const { spec } = compileSchedule(pipeline('often', '*/15 * * * *', 'Europe/Berlin'), { cron: '*/15 * * * *', timezone: 'Europe/Berlin' }, NOW, { searchable: false });
    expect(spec.calendars).toHaveLength(1);
  });

  it.each(['0 0 L * *', '0 0 1 * 1', '0 0 0 * * *', '0 0 * * 1#2', '61 * * * *', 'daily'])('refuse the cron expression "%s" with a reason', (cron) => {
    expect(() => compileSchedule(pipeline('odd', cron, 'UTC'), { cron, timezone: 'UTC' }, NOW, { searchable: false })).toThrow(/cron expression/);
  });

  it('are created once, then unchanged, then updated with what changes', async () => {
    expect(await applySchedule(client, pipeline('shop', '0 1 * * *', 'UTC'), NOW)).toMatchObject({ outcome: 'created', changes: [], paused: false });
    expect(await applySchedule(client, pipeline('shop', '0 1 * * *', 'UTC'), NOW)).toMatchObject({ outcome: 'unchanged', changes: [] });

    const moved = await applySchedule(client, pipeline('shop', '30 2 * * 1-5', 'Europe/Berlin'), NOW);
    expect(moved.outcome).toBe('updated');
    expect(moved.changes).toContainEqual({ field: 'cron', from: '0 1 * * *', to: '30 2 * * 1,2,3,4,5' });
    expect(moved.changes).toContainEqual({ field: 'timezone', from: 'UTC', to: 'Europe/Berlin' });
    expect(await applySchedule(client, pipeline('shop', '30 2 * * 1-5', 'Europe/Berlin'), NOW)).toMatchObject({ outcome: 'unchanged' });
  });

  it('stay paused when they are applied again, and keep why', async () => {
    await applySchedule(client, pipeline('paused', '0 1 * * *', 'UTC'), NOW);
    await client.schedule.getHandle('paused').pause('warehouse is being moved');
    expect(await applySchedule(client, pipeline('paused', '0 5 * * *', 'UTC'), NOW)).toMatchObject({ outcome: 'updated', paused: true });
    expect((await describeSchedule(client, 'paused'))?.state).toMatchObject({ paused: true, note: 'warehouse is being moved' });
  });

  it('take back what somebody changed by hand', async () => {
    await applySchedule(client, pipeline('edited', '0 1 * * *', 'UTC'), NOW);
    await client.schedule.getHandle('edited').update(({ action, policies, state }) => ({ spec: { cronExpressions: ['0 7 * * *'] }, action, policies, state }));
    const applied = await applySchedule(client, pipeline('edited', '0 1 * * *', 'UTC'), NOW);
    expect(applied.changes).toEqual([{ field: 'cron', from: '0 7 * * *', to: '0 1 * * *' }]);
  });

  it('start a run that knows its nominal time, beside one of an earlier day that is still open', async () => {
    await applySchedule(client, pipeline('triggered', '0 1 * * *', 'UTC'), NOW);
    const handle = client.schedule.getHandle('triggered');
    await handle.trigger();
    await expect.poll(async () => (await handle.describe()).info.recentActions.length, { timeout: 10_000 }).toBe(1);
    const [action] = (await handle.describe()).info.recentActions;
    expect(action?.action.workflow.workflowId).toMatch(/^triggered-scheduled-\d{4}-\d\d-\d\dT/);
    const run = await client.workflow.getHandle(action!.action.workflow.workflowId).describe();
    expect(run.searchAttributes['TemporalScheduledStartTime']?.[0]).toBeInstanceOf(Date);
  });
});
