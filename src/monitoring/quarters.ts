/** A quarter of an hour in UTC, half-open, ISO 8601: the unit in which runs are measured. */
export interface Quarter {
  start: string;
  end: string;
}

const QUARTER_MS = 15 * 60_000;

/** The quarters that end within the interval: those of intervals that touch each other are all quarters, and none twice. The oldest first. */
export function quartersOf({ start, end }: { start: string; end: string }): Quarter[] {
  const quarters: Quarter[] = [];
  for (let at = Math.floor(Date.parse(start) / QUARTER_MS) * QUARTER_MS; at + QUARTER_MS <= Date.parse(end); at += QUARTER_MS) {
    if (at + QUARTER_MS > Date.parse(start)) quarters.push({ start: new Date(at).toISOString(), end: new Date(at + QUARTER_MS).toISOString() });
  }
  return quarters;
}

/** The last `count` quarters before this one, the oldest first. */
export function quartersBefore({ start }: Quarter, count: number): Quarter[] {
  return quartersOf({ start: new Date(Date.parse(start) - count * QUARTER_MS).toISOString(), end: start });
}

/** `2026-01-31/1015`: of the quarter that begins then, as part of a key. */
export function quarterId({ start }: Quarter): string {
  return `${start.slice(0, 10)}/${start.slice(11, 13)}${start.slice(14, 16)}`;
}
