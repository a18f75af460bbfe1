import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { WorkflowClient, type Client, type WorkflowClientInterceptor } from '@temporalio/client';
import type { RunIds } from '../runs/follow-run.js';
import { RERUN_HEADER, SEED_SIGNAL, type RerunHeader, type SeedPart } from '../steps/rerun-protocol.js';
import type { PastRun, PastStep } from './past-steps.js';

/** Temporal takes 2 MB in one message, and warns from 512 KiB on. */
const PART_BYTES = 450_000;

/**
 * Starts a new run of today's code under the same workflow id, with the same arguments and options, and hands it what the old one
 * has finished. The old run has to have ended.
 */
export async function startRerun(client: Client, past: PastRun, reused: readonly PastStep[]): Promise<RunIds> {
  const parts = partsOf(reused);
  const header: RerunHeader = {
    workflowId: past.ids.workflowId,
    runId: past.ids.runId,
    nominal: past.nominal,
    runs: [past.ids.runId, ...(past.origin?.runs ?? [])],
    parts: parts.length,
  };
  const workflow = withHeader(client, RERUN_HEADER, defaultPayloadConverter.toPayload(header));
  const handle = await workflow.start(past.workflow, {
    workflowId: past.ids.workflowId,
    taskQueue: past.taskQueue,
    args: past.args,
    memo: past.memo,
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'FAIL',
    staticSummary: `re-run of ${past.ids.runId}`,
  });
  const ids = { workflowId: handle.workflowId, runId: handle.firstExecutionRunId };
  for (const part of parts) await client.workflow.getHandle(ids.workflowId, ids.runId).signal(SEED_SIGNAL, part);
  return ids;
}

/** The results in as many messages as it takes. */
function partsOf(reused: readonly PastStep[]): SeedPart[] {
  const parts: SeedPart[] = [];
  let room = 0;
  for (const { id, result } of reused) {
    const bytes = Buffer.byteLength(JSON.stringify(result) ?? '') + id.length;
    if (parts.length === 0 || bytes > room) {
      parts.push({ results: {} });
      room = PART_BYTES;
    }
    parts.at(-1)!.results[id] = result === undefined ? {} : { value: result };
    room -= bytes;
  }
  return parts;
}

/** A client like this one whose runs carry a header more. */
function withHeader(client: Client, name: string, payload: Payload): WorkflowClient {
  const adds: WorkflowClientInterceptor = {
    startWithDetails: (input, next) => next({ ...input, headers: { ...input.headers, [name]: payload } }),
  };
  const { interceptors, ...options } = client.workflow.options;
  return new WorkflowClient({ ...options, connection: client.connection, interceptors: [...(Array.isArray(interceptors) ? interceptors : []), adds] });
}
