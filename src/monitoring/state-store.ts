import { text } from 'node:stream/consumers';
import { isMillraceError } from '../errors.js';
import type { ObjectStore } from '../object-store/object-store.js';
import { NOTHING_KNOWN, type MonitoringState } from './incidents.js';

const KEY = 'monitoring/state.json';
/** Monitoring runs that write at the same moment are few. */
const ATTEMPTS = 10;

export async function readState(store: ObjectStore, signal: AbortSignal): Promise<MonitoringState> {
  return (await read(store, signal)).state;
}

/** Changes the state as if nobody else did: who was overtaken looks again at what is there now. Returns what it has become. */
export async function changeState(store: ObjectStore, change: (state: MonitoringState) => MonitoringState, signal: AbortSignal): Promise<MonitoringState> {
  for (let attempt = 1; ; attempt += 1) {
    const { state, etag } = await read(store, signal);
    const changed = change(state);
    if (changed === state) return state;
    try {
      await store.put(KEY, JSON.stringify(changed), { ...(etag === undefined ? { ifAbsent: true } : { ifMatch: etag }), contentType: 'application/json', signal });
      return changed;
    } catch (error) {
      if (attempt === ATTEMPTS || !isMillraceError(error) || error.code !== 'OBJECT_CHANGED') throw error;
    }
  }
}

async function read(store: ObjectStore, signal: AbortSignal): Promise<{ state: MonitoringState; etag?: string }> {
  try {
    const { info, body } = await store.get(KEY, { signal });
    return { state: JSON.parse(await text(body)) as MonitoringState, etag: info.etag };
  } catch (error) {
    if (isMillraceError(error) && error.code === 'OBJECT_MISSING') return { state: NOTHING_KNOWN };
    throw error;
  }
}
