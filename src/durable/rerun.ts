/**
 * Where this run came from, if it re-runs another one, and whether another one is about to take over from it. Set by the plugin,
 * read by blocks. Module state belongs to one run: the sandbox gives every workflow execution modules of its own.
 */
export interface RerunOrigin {
  /** The run whose finished steps are reused. */
  workflowId: string;
  runId: string;
  /** When the first run of the chain was due, ISO 8601 UTC: a re-run is about the same interval. */
  nominal: string;
  /** Run ids of the whole chain, the newest first: what their steps left behind is still in use. */
  runs: readonly string[];
}

let origin: RerunOrigin | undefined;
let superseded = false;

export function setRerunOrigin(of: RerunOrigin): void {
  origin = of;
}

/** `undefined` for a run that begins from the beginning. */
export function rerunOrigin(): RerunOrigin | undefined {
  return origin;
}

/** A re-run takes over: what this run's finished steps have left must stay, although it ends as cancelled. */
export function supersede(): void {
  superseded = true;
}

export function isSuperseded(): boolean {
  return superseded;
}
