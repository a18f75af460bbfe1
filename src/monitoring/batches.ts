import { text } from 'node:stream/consumers';
import { isMillraceError } from '../errors.js';
import type { MetricBatch, MetricPoint } from '../metrics/metric-sink.js';
import type { ObjectStore } from '../object-store/object-store.js';
import { quarterId, type Quarter } from './quarters.js';

/** A batch with the runs that it measures. */
interface StoredBatch {
  /** Run ids. */
  runs: readonly string[];
  points: readonly MetricPoint[];
}

const FOLDER = 'monitoring/batches/';

/**
 * Puts the runs of a quarter that no batch has yet into one, and returns the ids of all its batches. A batch is written once, by the
 * first of several monitoring runs that want to: so a run is measured once, and everybody publishes the same. `measure` reads the runs
 * that are new, which are few.
 */
export async function batchesOf(store: ObjectStore, quarter: Quarter, closedRuns: readonly string[], measure: (runIds: readonly string[]) => Promise<MetricPoint[]>, signal: AbortSignal): Promise<string[]> {
  for (;;) {
    const ids: string[] = [];
    const measured = new Set<string>();
    for await (const { key } of store.list(`${FOLDER}${quarterId(quarter)}/run-`, { signal })) {
      ids.push(idOf(key));
      for (const run of (await readStored(store, key, signal)).runs) measured.add(run);
    }
    const runs = closedRuns.filter((runId) => !measured.has(runId));
    if (runs.length === 0) return ids;
    // Whoever writes the next number first has it; the other one looks again.
    const id = `${quarterId(quarter)}/run-${String(ids.length + 1).padStart(3, '0')}`;
    if (await writeOnce(store, id, { runs, points: await measure(runs) }, signal)) return [...ids, id];
  }
}

/** The batch of what a look has seen at the end of a quarter; a later look at the same quarter finds it, and adds nothing. */
export async function healthBatch(store: ObjectStore, quarter: Quarter, points: readonly MetricPoint[], signal: AbortSignal): Promise<string> {
  const id = `${quarterId(quarter)}/health`;
  await writeOnce(store, id, { runs: [], points }, signal);
  return id;
}

export async function readBatch(store: ObjectStore, id: string, signal: AbortSignal): Promise<MetricBatch> {
  const { points } = await readStored(store, keyOf(id), signal);
  return { id, points };
}

async function writeOnce(store: ObjectStore, id: string, batch: StoredBatch, signal: AbortSignal): Promise<boolean> {
  try {
    await store.put(keyOf(id), JSON.stringify(batch), { ifAbsent: true, contentType: 'application/json', signal });
    return true;
  } catch (error) {
    if (isMillraceError(error) && error.code === 'OBJECT_CHANGED') return false;
    throw error;
  }
}

async function readStored(store: ObjectStore, key: string, signal: AbortSignal): Promise<StoredBatch> {
  const { body } = await store.get(key, { signal });
  return JSON.parse(await text(body)) as StoredBatch;
}

function keyOf(id: string): string {
  return `${FOLDER}${id}.json`;
}

function idOf(key: string): string {
  return key.slice(FOLDER.length, -'.json'.length);
}

/** Notes of days that nobody publishes any more; both kinds are sorted by day. */
export async function forgetDay(store: ObjectStore, day: string, signal: AbortSignal): Promise<void> {
  for (const folder of [FOLDER, 'monitoring/cloudwatch/']) await store.deletePrefix(`${folder}${day}/`, { signal });
}
