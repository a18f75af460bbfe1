import { CancellationScope, allHandlersFinished, condition, defineQuery, defineUpdate, isCancellation, setHandler, workflowInfo } from '@temporalio/workflow';
import { intervalBounds, type DataInterval } from './data-interval.js';
import { refused, requireName, type Operator } from './operator.js';
import { pipelineName } from './pipeline-name.js';
import { withStepScope, taskGroup } from './step-scope.js';
import { DRAIN_UPDATE, STREAM_QUERY, type StreamCounts, type StreamProgress } from './stream.js';

/** What one execution of a stream's workflow hands to the next. */
export interface StreamState extends StreamCounts {
  since: string;
  /** Batches that were begun: the number of the newest one. */
  begun: number;
}

/** What one batch adds to the counts; those that are not sums are taken over. */
export type BatchCounts = Omit<StreamCounts, 'batches' | 'outrun'>;

/** Where a stream is: kept by its workflow, changed by its operator. */
export interface StreamControl<S extends StreamState> {
  readonly state: S;
  /** Whether what is there now is to be loaded as the last batch. */
  isDraining(): boolean;
  /** Waits as `body` does, but not longer than until an operator drains the stream: then `undefined`. */
  waiting<T>(body: () => Promise<T>): Promise<T | undefined>;
  /** A batch under its number: its steps are `batch[17].fixBounds` and so on, and what it writes lies beside that of others. */
  batch<T>(body: (interval: DataInterval) => Promise<T>): Promise<T>;
  /** Adds a batch that was loaded to the counts. */
  loaded(batch: BatchCounts): void;
  ended(): void;
  /** Whether the history should not grow any more; resolves when no order is half carried out. */
  shouldContinue(): Promise<boolean>;
}

/** Between two and three thousand events, and a table of steps that people can still read. */
const ROUNDS = 50;

const SUMS = ['read', 'staged', 'quarantined', 'published', 'duplicates', 'gaps'] as const satisfies readonly (keyof BatchCounts)[];

export function beginningOfStream(): StreamState {
  return { since: workflowInfo().startTime.toISOString(), begun: 0, batches: 0, read: 0, staged: 0, quarantined: 0, published: 0, duplicates: 0, reasons: {}, gaps: 0, outrun: 0, lag: 0, messagesPerSecond: 0 };
}

/** Registers the query and the update; `before` is what earlier executions have done, and `rounds` how many waits this one has at most. */
export function streamControl<S extends StreamState>(before: S, rounds = ROUNDS): StreamControl<S> {
  const state: S = { ...before, reasons: { ...before.reasons } };
  let draining: StreamProgress['draining'];
  let doing: StreamProgress['state'] = 'waiting';
  let waits = 0;
  let endWait = (): void => {};

  setHandler(
    defineQuery<StreamProgress>(STREAM_QUERY),
    () => {
      const { begun: _, ...progress } = state;
      const now = draining !== undefined && doing !== 'drained' ? 'draining' : doing;
      return { ...progress, state: now, ...(draining === undefined ? {} : { draining }) };
    },
    { description: 'What the stream has loaded, and what it does' },
  );
  setHandler(
    defineUpdate<void, [Operator]>(DRAIN_UPDATE),
    (order) => {
      draining = { ...order, since: new Date().toISOString() };
      endWait();
    },
    {
      description: 'Loads what is there, and completes',
      validator: (order) => {
        requireName(order);
        if (draining !== undefined) throw refused(`the stream is being drained already, since ${draining.since} by ${draining.by}`);
      },
    },
  );

  return {
    state,
    isDraining: () => draining !== undefined,
    async waiting(body) {
      waits += 1;
      if (draining !== undefined) return undefined;
      doing = 'waiting';
      const scope = new CancellationScope();
      endWait = () => scope.cancel();
      try {
        return await scope.run(body);
      } catch (error) {
        if (draining === undefined || !isCancellation(error) || CancellationScope.current().consideredCancelled) throw error;
        return undefined;
      } finally {
        endWait = () => {};
      }
    },
    batch(body) {
      state.begun += 1;
      doing = 'loading';
      const interval = batchInterval(state.begun);
      return withStepScope({ key: String(state.begun) }, () => taskGroup('batch', () => body(interval)));
    },
    loaded(batch) {
      const { reasons, lag, messagesPerSecond } = batch;
      state.batches += 1;
      for (const name of SUMS) state[name] += batch[name];
      for (const [reason, count] of Object.entries(reasons)) state.reasons[reason] = (state.reasons[reason] ?? 0) + count;
      Object.assign(state, { lag, messagesPerSecond });
    },
    ended: () => void (doing = 'drained'),
    async shouldContinue() {
      if (!workflowInfo().continueAsNewSuggested && waits < rounds) return false;
      await condition(allHandlersFinished);
      // What was ordered in the meantime is carried out here.
      return draining === undefined;
    },
  };
}

/** The day (UTC) on which the batch begins. Its `run` is of the batch alone; a later batch is of a higher generation. */
export function batchInterval(number: number): DataInterval {
  const { workflowType, runId } = workflowInfo();
  const now = new Date();
  return { pipeline: pipelineName(workflowType), ...intervalBounds({ date: now.toISOString().slice(0, 10) }, now), run: `${runId}-${number}`, generation: now.getTime() };
}
