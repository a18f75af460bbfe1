import { ScheduleOverlapPolicy, type CalendarSpec, type Month, type ScheduleOptions, type ScheduleOptionsStartWorkflowAction, type ScheduleSpec } from '@temporalio/client';
import type { Workflow } from '@temporalio/common';
import type { Pipeline, PipelineSchedule } from '../catalog.js';
import { runsAtClockChanges, type WallTime } from '../durable/clock-changes.js';
import { parseCron, type CronFields } from '../durable/cron-fields.js';
import { startAttributes } from '../steps/client-interceptors.js';
import { RUN_OPTIONS_MEMO } from '../steps/run-options.js';

export const MONTHS = ['JANUARY', 'FEBRUARY', 'MARCH', 'APRIL', 'MAY', 'JUNE', 'JULY', 'AUGUST', 'SEPTEMBER', 'OCTOBER', 'NOVEMBER', 'DECEMBER'] as const satisfies Month[];
export const WEEKDAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const;

/** How far ahead the days on which clocks go forward are written into a schedule; applying it again moves this on. */
const YEARS_AHEAD = 20;

/**
 * Every nominal time is a run of its own interval, and none may be left out: SKIP would lose a day whenever the run before is
 * late, and buffering would let one run that hangs hold up every later day. Runs of different intervals do not disturb each
 * other: staging is named after the run, and publishing replaces one interval under a fence.
 */
const OVERLAP = ScheduleOverlapPolicy.ALLOW_ALL;

/**
 * A Temporal server that was down starts what it missed when it is back, as far back as this. Longer than a long weekend, so
 * that nobody has to find the missing days by hand; shorter than Temporal's year, after which a forgotten laptop would start
 * hundreds of runs at once.
 */
export const CATCH_UP_WINDOW_MS = 7 * 24 * 3_600_000;

export type PipelineScheduleOptions = ScheduleOptions<ScheduleOptionsStartWorkflowAction<Workflow>>;

/**
 * The Temporal schedule of a pipeline: its id is the pipeline's name, and its runs are `<pipeline>-scheduled-<nominal time>`.
 * `BAD_PARAMS` for a cron expression that cannot be scheduled. `now` decides which years of daylight saving are written out;
 * `searchable`, whether runs get our search attributes, which the namespace has to know.
 */
export function compileSchedule(pipeline: Pipeline, schedule: PipelineSchedule, now: Date, { searchable }: { searchable: boolean }): PipelineScheduleOptions {
  return {
    scheduleId: pipeline.name,
    spec: compileSpec(schedule, now),
    action: {
      type: 'startWorkflow',
      workflowType: pipeline.workflow,
      taskQueue: pipeline.taskQueue,
      workflowId: `${pipeline.name}-scheduled`,
      // No date: the run takes its interval from its nominal time.
      args: [{ timezone: schedule.timezone, cron: schedule.cron }],
      staticSummary: `${pipeline.name}, scheduled`,
      memo: { [RUN_OPTIONS_MEMO]: { ...pipeline.options, ...schedule.options } },
      ...(searchable ? { typedSearchAttributes: startAttributes(pipeline.workflow) } : {}),
    },
    policies: { overlap: OVERLAP, catchupWindow: CATCH_UP_WINDOW_MS, pauseOnFailure: false },
  };
}

/** The cron expression as a calendar, and single days where a change of clocks would swallow or double a run. */
function compileSpec(schedule: PipelineSchedule, now: Date): ScheduleSpec {
  const cron = parseCron(schedule.cron);
  // Whole years: a schedule that is applied twice in a year is the same both times.
  const from = new Date(Date.UTC(now.getUTCFullYear(), 0, 1));
  const until = new Date(Date.UTC(now.getUTCFullYear() + YEARS_AHEAD + 1, 0, 1));
  const { added, leftOut } = runsAtClockChanges(cron, schedule.timezone, from, until);
  return {
    calendars: [cronCalendar(cron, schedule.cron), ...added.map((time) => dayCalendar(time, 'clocks change at the usual time'))],
    skip: leftOut.map((time) => dayCalendar(time, 'clocks change: would run twice')),
    timezone: schedule.timezone,
  };
}

function cronCalendar(cron: CronFields, expression: string): CalendarSpec {
  return {
    second: 0,
    minute: [...cron.minutes],
    hour: [...cron.hours],
    dayOfMonth: [...cron.daysOfMonth],
    month: cron.months.map((month) => MONTHS[month - 1]!),
    dayOfWeek: cron.daysOfWeek.map((day) => WEEKDAYS[day]!),
    comment: expression,
  };
}

function dayCalendar({ year, month, day, hour, minute }: WallTime, comment: string): CalendarSpec {
  return { second: 0, minute, hour, dayOfMonth: day, month: MONTHS[month - 1]!, year, comment };
}
