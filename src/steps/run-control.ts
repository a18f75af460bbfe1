import { CancellationScope, condition } from '@temporalio/workflow';
import type { Operator } from './operator-protocol.js';

export type Pause = Operator & { since: string };

/** The operator's pause: no new step starts, running ones end. A run that is cancelled is not kept from its cleanup by it. */
export interface RunControl {
  paused(): Pause | undefined;
  pause(operator: Operator): void;
  resume(): void;
  /** Whether a step that is to start now has to wait. */
  isClosed(): boolean;
  /** Resolves when it need not wait any more, or when `orElse` holds. */
  opened(orElse?: () => boolean): Promise<void>;
  isCancelled(): boolean;
}

/** To be called in the workflow's root scope. `pause` is what the execution before this one was continued with. */
export function createRunControl(pause?: Pause): RunControl {
  const root = CancellationScope.current();
  const isCancelled = (): boolean => root.consideredCancelled;
  const isClosed = (): boolean => pause !== undefined && !isCancelled();
  return {
    paused: () => pause,
    pause(operator) {
      pause = { ...operator, since: new Date().toISOString() };
    },
    resume() {
      pause = undefined;
    },
    isClosed,
    opened: (orElse = () => false) => condition(() => !isClosed() || orElse()),
    isCancelled,
  };
}
