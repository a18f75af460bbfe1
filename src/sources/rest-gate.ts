import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { MillraceError } from '../errors.js';

/** Keeps every reader of one source from calling it before the moment that the source named. */
export interface RestGate {
  /** No call for so many milliseconds from now. */
  close(forMs: number): void;
  /** Resolves when calls are allowed; `SOURCE_RATE_LIMITED` at once when that is longer away than `maxWaitMs`. */
  pass(signal: AbortSignal): Promise<void>;
}

export function createRestGate(where: string, maxWaitMs: number): RestGate {
  let opensAt = 0;
  return {
    close(forMs) {
      opensAt = Math.max(opensAt, performance.now() + forMs);
    },
    async pass(signal) {
      // Again after each wait: a timer may fire a little early, and another reader may have been sent away meanwhile.
      for (let wait = opensAt - performance.now(); wait > 0; wait = opensAt - performance.now()) {
        const retryAfterMs = Math.ceil(wait);
        if (retryAfterMs > maxWaitMs) {
          const seconds = Math.ceil(wait / 1000);
          throw new MillraceError('SOURCE_RATE_LIMITED', `${where} asks for no call in the next ${seconds} s. The step goes on after that.`, { retryAfterMs });
        }
        await delay(retryAfterMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    },
  };
}
