import { DAY_MS } from './calendar.js';
import type { DemoDays } from './demo-day.js';

/** The day that is meant when nobody names one: the first that there is a file for, else yesterday (UTC). */
export async function defaultDate(days: DemoDays, now: Date): Promise<string> {
  const [first] = (await days.dates()) ?? [];
  return first ?? new Date(now.getTime() - DAY_MS).toISOString().slice(0, 10);
}
