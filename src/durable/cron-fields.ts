import { CronExpressionParser } from 'cron-parser/dist/CronExpressionParser.js';
import { MillraceError } from '../errors.js';

/** The values that a cron expression allows, field by field; minutes within an hour, January is 1, Sunday is 0. */
export interface CronFields {
  minutes: readonly number[];
  hours: readonly number[];
  daysOfMonth: readonly number[];
  months: readonly number[];
  daysOfWeek: readonly number[];
}

const MACROS: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};

/**
 * Reads a cron expression of five fields. `BAD_PARAMS` for what the calendar of a Temporal schedule cannot say: seconds, `L`,
 * `W`, `#` and `?`, and a day of the month together with a day of the week, which cron joins by *or* and Temporal by *and*.
 */
export function parseCron(expression: string): CronFields {
  const cron = MACROS[expression.trim()] ?? expression.trim();
  const parts = cron.split(/\s+/);
  if (parts.length !== 5) throw refused(expression, 'it needs five fields: minute, hour, day of month, month, day of week');
  if (parts.some((part) => !/^[\dA-Z*,/-]+$/i.test(part)) || /(^|[\s,\d])[LW]/i.test(cron)) {
    throw refused(expression, 'only numbers, names of months and weekdays, and * , - / are understood');
  }
  if (parts[2] !== '*' && parts[4] !== '*') throw refused(expression, 'give a day of the month or a day of the week, not both');
  try {
    const { fields } = CronExpressionParser.parse(cron, { tz: 'UTC' });
    return {
      minutes: numbers(fields.minute.values),
      hours: numbers(fields.hour.values),
      daysOfMonth: numbers(fields.dayOfMonth.values),
      months: numbers(fields.month.values),
      // Sunday is 0 as well as 7.
      daysOfWeek: numbers(fields.dayOfWeek.values.map((day) => (day === 7 ? 0 : day))),
    };
  } catch (error) {
    throw refused(expression, error instanceof Error ? error.message : String(error));
  }
}

function numbers(values: readonly (number | string)[]): number[] {
  return [...new Set(values.map(Number))].sort((a, b) => a - b);
}

function refused(expression: string, why: string): MillraceError {
  return new MillraceError('BAD_PARAMS', `The cron expression "${expression}" cannot be scheduled: ${why}. Correct it in src/catalog.ts.`);
}
