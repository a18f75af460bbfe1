import type { temporal } from '@temporalio/proto';
import { OPERATOR_UPDATES, type Operator, type StepOrder } from '../steps/operator-protocol.js';
import type { PayloadReader } from './payloads.js';
import type { RunRecord } from './run-reducer.js';

type UpdateInput = temporal.api.update.v1.IInput;

/** Takes an order that the run has accepted into its record: who skipped a step and why is known without a worker. */
export async function applyOrder(run: RunRecord, input: UpdateInput, at: string, read: PayloadReader): Promise<void> {
  const [order] = await read.values(input.args);
  if (!isOrder(order)) return;
  if (input.name === OPERATOR_UPDATES.pause) run.paused = { ...order, since: at };
  else if (input.name === OPERATOR_UPDATES.resume) run.paused = undefined;
  else if (input.name === OPERATOR_UPDATES.skip && 'step' in order) {
    const step = [...run.steps.values()].findLast(({ id }) => id === order.step);
    if (step !== undefined) step.skipped = { at, message: `skipped by ${order.by}${order.why === undefined ? '' : `: ${order.why}`}` };
  }
}

function isOrder(value: unknown): value is Operator | StepOrder {
  return typeof value === 'object' && value !== null && 'by' in value && typeof value.by === 'string';
}
