import type { RunIds } from '../../runs/follow-run.js';
import type { Operator } from '../../steps/operator-protocol.js';
import type { Screen } from './screen.js';

/** Says what an order has done. */
export function reportOrder(screen: Screen, json: boolean, { workflowId, runId }: RunIds, order: string, details: Operator, done: string): void {
  if (json) screen.print(JSON.stringify({ workflowId, runId, order, ...details }, undefined, 2));
  else screen.print(`${done}; see it: millrace watch ${workflowId}`);
}
