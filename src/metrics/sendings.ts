import { text } from 'node:stream/consumers';
import { isMillraceError } from '../errors.js';
import type { ObjectStore } from '../object-store/object-store.js';

/** What is known of a request that must be sent once, and whose service has no idempotency token. */
export type SendingState =
  /** It is this caller's to send. */
  | 'mine'
  /** It was sent, and taken. */
  | 'sent'
  /** Somebody has begun to send it moments ago, and has not said yet how that ended. */
  | 'under way'
  /** Somebody has begun to send it, and never will say how that ended. */
  | 'unsure';

/** Who has sent what, shared by all workers. */
export interface Sendings {
  begin(key: string, signal: AbortSignal): Promise<SendingState>;
  sent(key: string): Promise<void>;
  /** It certainly has not arrived: the next caller may send it. */
  undo(key: string): Promise<void>;
}

const BEGUN = 'begun';
const SENT = 'sent';

/** Notes in an object store, which creates each of them for one caller only. `longestMs`: after that a sending has ended, one way or the other. */
export function createSendings(store: () => ObjectStore, longestMs: number): Sendings {
  return {
    async begin(key, signal) {
      try {
        await store().put(key, BEGUN, { ifAbsent: true, signal });
        return 'mine';
      } catch (error) {
        if (!isMillraceError(error) || error.code !== 'OBJECT_CHANGED') throw error;
      }
      const { info, body } = await store().get(key, { signal });
      if ((await text(body)) === SENT) return 'sent';
      return Date.now() - info.modifiedAt.getTime() < longestMs ? 'under way' : 'unsure';
    },
    async sent(key) {
      await store().put(key, SENT);
    },
    undo: (key) => store().delete(key),
  };
}
