import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { Missing } from '../../activities/backfill/find-missing.js';
import { referencesIn, type References } from '../datasets/references.js';
import { OPERATOR_UPDATES, type Operator } from '../steps/operator-protocol.js';
import type { PastRun, PastStep } from './past-steps.js';

/** A worker that lives answers at once; a warehouse may be waking up. */
const LOOK_FOR = '2m';

/** A reused step whose result points to something that is gone. */
export interface GoneResult {
  step: string;
  what: string;
}

/**
 * Which reused results point to datasets or staging tables that no longer exist. Asked of a worker, because it has the
 * connections; runs whose results point to nothing need none.
 */
export async function goneResults(client: Client, past: PastRun, reused: readonly PastStep[]): Promise<GoneResult[]> {
  const byStep = reused.map(({ id, result }) => ({ step: id, ...referencesIn(result) }));
  const references: References = { datasets: byStep.flatMap(({ datasets }) => datasets), tables: byStep.flatMap(({ tables }) => tables) };
  if (references.datasets.length === 0 && references.tables.length === 0) return [];
  const missing = (await client.workflow.execute('missingReferences', {
    workflowId: `missing-references-${randomUUID()}`,
    taskQueue: past.taskQueue,
    args: [references],
    workflowExecutionTimeout: LOOK_FOR,
  })) as Missing;
  return byStep.flatMap(({ step, datasets, tables }) => [
    ...datasets.filter(({ uri }) => missing.datasets.includes(uri)).map(({ uri }) => ({ step, what: uri })),
    ...tables.filter((table) => missing.tables.includes(table)).map((table) => ({ step, what: `table ${table}` })),
  ]);
}

/** Ends a run that is still open, so that a re-run takes over: what its finished steps have left stays. Resolves when it has ended. */
export async function supersedeRun(client: Client, past: PastRun, operator: Operator): Promise<void> {
  const handle = client.workflow.getHandle(past.ids.workflowId, past.ids.runId);
  await handle.executeUpdate(OPERATOR_UPDATES.supersede, { args: [operator] });
  await handle.cancel();
  // However it ends: the next run begins when it has.
  await handle.result().catch(() => undefined);
}
