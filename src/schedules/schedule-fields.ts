import type { CalendarSpec, CalendarSpecDescription, ScheduleDescription } from '@temporalio/client';
import { TypedSearchAttributes, type SearchAttributePair } from '@temporalio/common';
import { RUN_OPTIONS_MEMO } from '../steps/run-options.js';
import { CATCH_UP_WINDOW_MS, MONTHS, WEEKDAYS, type PipelineScheduleOptions } from './compile-schedule.js';

/** What makes up a schedule, as text that people can compare. */
export type ScheduleFields = Readonly<Record<string, string>>;

/** The fields of a schedule as it should be. */
export function desiredFields(options: PipelineScheduleOptions): ScheduleFields {
  const { action, policies, spec } = options;
  return fields({
    calendars: (spec.calendars ?? []).map(valuesOfCalendar),
    skip: (spec.skip ?? []).map(valuesOfCalendar),
    otherTriggers: 0,
    timezone: spec.timezone,
    workflow: String(action.workflowType),
    taskQueue: action.taskQueue,
    workflowId: action.workflowId,
    args: action.args,
    options: action.memo?.[RUN_OPTIONS_MEMO],
    attributes: attributeText(action.typedSearchAttributes),
    overlap: policies?.overlap,
    catchUpMs: CATCH_UP_WINDOW_MS,
    pauseOnFailure: policies?.pauseOnFailure,
  });
}

/** The fields of a schedule as Temporal has it. */
export function presentFields({ action, policies, spec }: ScheduleDescription): ScheduleFields {
  return fields({
    calendars: (spec.calendars ?? []).map(valuesOfDescription),
    skip: (spec.skip ?? []).map(valuesOfDescription),
    otherTriggers: spec.intervals?.length ?? 0,
    timezone: spec.timezone,
    workflow: action.workflowType,
    taskQueue: action.taskQueue,
    workflowId: action.workflowId,
    args: action.args,
    options: action.memo?.[RUN_OPTIONS_MEMO],
    attributes: attributeText(action.typedSearchAttributes),
    overlap: policies.overlap,
    catchUpMs: policies.catchupWindow,
    pauseOnFailure: policies.pauseOnFailure,
  });
}

interface Comparable {
  calendars: readonly CalendarValues[];
  skip: readonly CalendarValues[];
  /** Intervals, which Millrace does not make. */
  otherTriggers: number;
  timezone: string | undefined;
  workflow: string;
  taskQueue: string;
  workflowId: string | undefined;
  args: unknown;
  options: unknown;
  attributes: string;
  overlap: string | undefined;
  catchUpMs: number;
  pauseOnFailure: boolean | undefined;
}

function fields(schedule: Comparable): ScheduleFields {
  const usual = schedule.calendars.filter(({ years }) => years.length === 0).map(cronText);
  const extra = schedule.calendars.filter(({ years }) => years.length > 0).map(dayText).sort();
  return {
    cron: [...usual, ...(schedule.otherTriggers === 0 ? [] : [`${schedule.otherTriggers} other triggers`])].join(' and ') || 'never',
    timezone: schedule.timezone === undefined || schedule.timezone === '' ? 'UTC' : schedule.timezone,
    'added by daylight saving': extra.join(', ') || 'none',
    'left out by daylight saving': schedule.skip.map(dayText).sort().join(', ') || 'none',
    workflow: schedule.workflow,
    'task queue': schedule.taskQueue,
    'workflow id': schedule.workflowId ?? '',
    arguments: JSON.stringify(schedule.args ?? []),
    options: JSON.stringify(schedule.options ?? {}),
    'search attributes': schedule.attributes,
    overlap: String(schedule.overlap),
    'catch-up window': `${schedule.catchUpMs / 3_600_000} h`,
    'pause on failure': String(schedule.pauseOnFailure ?? false),
  };
}

/** `MillracePipeline=ecommerce-daily, MillraceState=running` */
function attributeText(attributes: TypedSearchAttributes | SearchAttributePair[] | undefined): string {
  const pairs = attributes instanceof TypedSearchAttributes ? attributes.getAll() : (attributes ?? []);
  return pairs.map(({ key, value }) => `${key.name}=${String(value)}`).sort().join(', ') || 'none';
}

interface CalendarValues {
  minutes: number[];
  hours: number[];
  days: number[];
  months: number[];
  weekdays: number[];
  years: number[];
}

const RANGES = { minutes: [0, 59], hours: [0, 23], days: [1, 31], months: [1, 12], weekdays: [0, 6] } as const;

/** As a cron expression. */
function cronText(values: CalendarValues): string {
  return (['minutes', 'hours', 'days', 'months', 'weekdays'] as const)
    .map((field) => (values[field].length === RANGES[field][1] - RANGES[field][0] + 1 ? '*' : values[field].join(',')))
    .join(' ');
}

/** `2026-03-29 03:30` */
function dayText({ years, months, days, hours, minutes }: CalendarValues): string {
  const two = (numbers: number[]): string => numbers.map((number) => String(number).padStart(2, '0')).join(',');
  return `${years.join(',')}-${two(months)}-${two(days)} ${two(hours)}:${two(minutes)}`;
}

/** Only the shapes that `compileSchedule` makes: single values, lists, or the default. */
function valuesOfCalendar(calendar: CalendarSpec): CalendarValues {
  const list = (value: unknown): (number | string)[] => (value === undefined || value === '*' ? [] : ([value].flat() as (number | string)[]));
  const among = (value: unknown, [first, last]: readonly [number, number], names: readonly string[], offset: number): number[] => {
    const given = list(value).map((item) => (typeof item === 'number' ? item : names.indexOf(item) + offset));
    return given.length > 0 ? given : sequence(first, last, 1);
  };
  return {
    minutes: among(calendar.minute, RANGES.minutes, [], 0),
    hours: among(calendar.hour, RANGES.hours, [], 0),
    days: among(calendar.dayOfMonth, RANGES.days, [], 0),
    months: among(calendar.month, RANGES.months, MONTHS, 1),
    weekdays: among(calendar.dayOfWeek, RANGES.weekdays, WEEKDAYS, 0),
    years: list(calendar.year).map(Number),
  };
}

function valuesOfDescription(calendar: CalendarSpecDescription): CalendarValues {
  const expand = <T>(ranges: readonly { start: T; end: T; step: number }[], order: (value: T) => number): number[] =>
    ranges.flatMap(({ start, end, step }) => sequence(order(start), Math.max(order(start), order(end)), Math.max(1, step))).sort((a, b) => a - b);
  const plain = (value: number): number => value;
  return {
    minutes: expand(calendar.minute, plain),
    hours: expand(calendar.hour, plain),
    days: expand(calendar.dayOfMonth, plain),
    months: expand(calendar.month, (month) => MONTHS.indexOf(month) + 1),
    weekdays: [...new Set(expand(calendar.dayOfWeek, (day) => WEEKDAYS.indexOf(day)))],
    years: expand(calendar.year, plain),
  };
}

function sequence(first: number, last: number, step: number): number[] {
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => first + index * step);
}
