import type { temporal, google } from '@temporalio/proto';

type Timestamp = google.protobuf.ITimestamp;
export type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** Milliseconds since the epoch. */
export function millis(time: Timestamp | null | undefined): number | undefined {
  if (time == null) return undefined;
  return Number(time.seconds ?? 0) * 1000 + Math.floor((time.nanos ?? 0) / 1e6);
}

/** ISO 8601 UTC. */
export function iso(time: Timestamp | null | undefined): string | undefined {
  const ms = millis(time);
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

/** An object without the keys that are undefined. */
export function defined<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };
}
