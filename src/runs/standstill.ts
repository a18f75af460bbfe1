import type { Standstill } from './run-view.js';

export const STANDSTILLS = ['held', 'paused', 'waiting-for-approval'] as const satisfies readonly Standstill[];

export function isStandstill(state: unknown): state is Standstill {
  return (STANDSTILLS as readonly unknown[]).includes(state);
}

/** `undefined` for a run that goes on. */
export function asStandstill(state: unknown): Standstill | undefined {
  return isStandstill(state) ? state : undefined;
}
