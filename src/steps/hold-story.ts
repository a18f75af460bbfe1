import type { AlertEvent } from '../alerts/alert.js';
import type { RunEvent } from '../durable/run-events.js';
import { stepEntry } from '../durable/step-table.js';

type Untimed<E> = E extends unknown ? Omit<E, 'at'> : never;

/** Makes of single events what is told: one `recovered` when nothing is held any more, one `failed` that knows of the hold before it. */
export interface HoldStory {
  /** `undefined`: nothing to tell (yet). */
  digest(event: RunEvent): Untimed<AlertEvent> | undefined;
}

export function createHoldStory(): HoldStory {
  const held = new Set<string>();
  let recovered: Omit<RunEvent & { kind: 'recovered' }, 'kind'>[] = [];
  return {
    digest(event) {
      switch (event.kind) {
        case 'held':
          held.add(event.step);
          return event;
        case 'recovered': {
          const { kind, ...step } = event;
          if (!held.delete(step.step)) return undefined;
          recovered.push(step);
          forgetEnded(held);
          if (held.size > 0) return undefined;
          const steps = recovered;
          recovered = [];
          return { kind, steps };
        }
        case 'failed':
          return event.step !== undefined && held.has(event.step) ? { ...event, afterHold: true } : event;
        default:
          return event;
      }
    },
  };
}

/** A hold that an operator or its bound has ended as failed is not told of: the run may go on without that step. */
function forgetEnded(held: Set<string>): void {
  for (const step of held) if (stepEntry(step)?.endedAt !== undefined) held.delete(step);
}
