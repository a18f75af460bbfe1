/**
 * What happens in a run that people may want to be told. Blocks and the plugin report it here; the plugin turns it into alerts.
 * Without the plugin nobody listens, and nothing happens.
 */
export type RunEvent =
  | { kind: 'failed'; step?: string; errorCode: string; message: string }
  /** A step has failed for good, and the run waits for an operator. `until`: ISO 8601 UTC, when it gives up. */
  | { kind: 'held'; step: string; errorCode: string; message: string; until: string }
  /** A step that was held goes on, or has been given a result. */
  | { kind: 'recovered'; step: string; how: 'retried' | 'skipped'; by: string; why?: string }
  /** `what`: `run`, a group's or a step's name. `due`: ISO 8601 UTC. */
  | { kind: 'deadline-missed'; what: string; due: string }
  /** A stream's batch has not ended in time (`since`: ISO 8601 UTC, when it began), and messages wait behind it. */
  | { kind: 'lagging'; what: string; since: string; topic: string; waiting: number }
  /** Checks of severity WARN that have failed in a step that succeeded. */
  | { kind: 'check-warning'; step: string; checks: { name: string; observed: string; expected: string }[] }
  /** `until`: ISO 8601 UTC; absent where it waits as long as it takes. */
  | { kind: 'approval-wanted'; name: string; message: string; until?: string };

type Listener = (event: RunEvent) => void;

/** Module state belongs to one run: the sandbox gives every workflow execution modules of its own. */
const listeners: Listener[] = [];

/** Called once by the plugin, before the workflow begins. */
export function onRunEvent(listener: Listener): void {
  listeners.push(listener);
}

/** Reports an event; never throws and never waits. */
export function emitRunEvent(event: RunEvent): void {
  for (const listener of listeners) listener(event);
}
