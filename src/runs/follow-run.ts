import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { StepsAnswer } from '../steps/operator-protocol.js';
import { askSteps, createStepsAsker } from './ask-steps.js';
import { createPayloadReader } from './payloads.js';
import { applyEvent, emptyRecord, type RunRecord } from './run-reducer.js';
import { hasEnded, type RunView } from './run-view.js';
import { viewOfRun } from './view-of-run.js';

/** How often attempts, heartbeats and next attempts of a running run are read: they are not in the history. */
const REFRESH_MS = 1000;
/** A wide run writes hundreds of events a second; people read a few pictures a second. */
const AT_LEAST_MS = 100;

export interface RunIds {
  workflowId: string;
  runId: string;
}

/** The run as it is now: its whole history in pages, and one description; with `ask`, also what the run itself answers within two seconds. */
export async function readRun(client: Client, ids: RunIds, { ask = false }: { ask?: boolean } = {}): Promise<RunView> {
  const read = createPayloadReader(client);
  const asking = ask ? askSteps(client, ids) : undefined;
  const description = await describe(client, ids);
  const record = emptyRecord();
  let pageToken: Uint8Array = new Uint8Array();
  do {
    pageToken = await readPage(client, ids, record, pageToken, false);
  } while (pageToken.length > 0);
  return viewOfRun(ids, record, { description, answer: await asking }, read, Date.now());
}

/**
 * The run now and after every change, until it has ended; the last view is the final one. New events come by a long poll that
 * goes on where the last one stopped, so that a run of thousands of steps is read once.
 */
export async function* followRun(client: Client, ids: RunIds, signal: AbortSignal): AsyncGenerator<RunView> {
  const read = createPayloadReader(client);
  const record = emptyRecord();
  const asker = createStepsAsker(client, ids);
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  let failure: unknown;
  let wake = (): void => {};
  const events = followEvents(client, ids, record, ended, () => wake()).catch((error: unknown) => {
    failure = error;
    wake();
  });
  try {
    while (!signal.aborted) {
      const news = new Promise<void>((resolve) => (wake = resolve));
      if (failure !== undefined) throw failure;
      if (record.startedAt !== '') {
        const description = await describe(client, ids);
        const answer = await asker.newest((last) => record.endedAt !== undefined || isBehind(last, record));
        const view = await viewOfRun(ids, record, { description, answer }, read, Date.now());
        yield view;
        if (hasEnded(view)) return;
      }
      const refresh = new AbortController();
      await Promise.race([news, pause(REFRESH_MS, AbortSignal.any([signal, refresh.signal]))]);
      refresh.abort();
      await pause(AT_LEAST_MS, signal);
    }
  } finally {
    stop.abort();
    await events;
  }
}

/**
 * The same, over the executions that a run continues as new with: its last view is that of the execution in which it ended. What
 * stands in the view of each execution is that execution's alone.
 */
export async function* followToItsEnd(client: Client, ids: RunIds, signal: AbortSignal): AsyncGenerator<RunView> {
  for (let current = ids; ; ) {
    let last: RunView | undefined;
    for await (const view of followRun(client, current, signal)) yield (last = view);
    if (last?.continuedAs === undefined || signal.aborted) return;
    current = { workflowId: ids.workflowId, runId: last.continuedAs };
  }
}

/** Whether a step has ended badly that the answer has as going on: only the run knows whether it is held now. */
function isBehind(answer: StepsAnswer | undefined, { steps }: RunRecord): boolean {
  const unclear = new Set<string>();
  for (const { id, state } of steps.values()) {
    // Scheduled again by an operator's retry: the later record counts.
    if (state === 'failed' || state === 'cancelled') unclear.add(id);
    else unclear.delete(id);
  }
  for (const { id, state } of answer?.steps ?? []) if (state !== 'running') unclear.delete(id);
  return unclear.size > 0;
}

/** Waits, but not longer than until the signal. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => undefined);
}

async function followEvents(client: Client, ids: RunIds, record: RunRecord, signal: AbortSignal, onNews: () => void): Promise<void> {
  let pageToken: Uint8Array = new Uint8Array();
  do {
    // A signal per call: the client leaves its listener on the one that it is given.
    pageToken = await client.connection.withAbortSignal(AbortSignal.any([signal]), () => readPage(client, ids, record, pageToken, true));
    onNews();
  } while (pageToken.length > 0 && !signal.aborted);
}

/** One page of events into the record; the token of the next page, empty after the last one. */
async function readPage(client: Client, { workflowId, runId }: RunIds, record: RunRecord, nextPageToken: Uint8Array, waitNewEvent: boolean): Promise<Uint8Array> {
  const read = createPayloadReader(client);
  const page = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    nextPageToken,
    waitNewEvent,
  });
  for (const event of page.history?.events ?? []) await applyEvent(record, event, read);
  return page.nextPageToken ?? new Uint8Array();
}

function describe(client: Client, { workflowId, runId }: RunIds) {
  return client.workflowService.describeWorkflowExecution({ namespace: client.options.namespace, execution: { workflowId, runId } });
}
