import { Client, type WorkflowHandle } from '@temporalio/client';
import pRetry from 'p-retry';
import { backfillId, type BackfillRequest } from '../../src/durable/backfill.js';
import { CATALOG } from '../../src/catalog.js';
import { readPastRun } from '../../src/reruns/past-steps.js';
import { planRerun } from '../../src/reruns/plan-rerun.js';
import { startRerun } from '../../src/reruns/start-rerun.js';
import type { RunIds } from '../../src/runs/follow-run.js';
import type { IntervalParams } from '../../src/durable/data-interval.js';
import type { KafkaSignupsParams } from '../../workflows/kafka-signups.js';
import { DRAIN_UPDATE, STREAM_QUERY, type StreamProgress } from '../../src/durable/stream.js';
import type { KafkaSignupsStreamParams } from '../../workflows/kafka-signups-stream.js';
import { startKafka } from '../servers/kafka.js';
import { OPERATOR_UPDATES, STEPS_QUERY, type StepsAnswer } from '../../src/steps/operator-protocol.js';
import { MillracePlugin } from '../../src/steps/plugin.js';
import type { EcommerceDailyParams } from '../../workflows/ecommerce-daily.js';
import type { PipelineStack } from '../support/pipeline-stack.js';
import { playPool } from './play-pool.js';

/** What is played to get a history; the handles by the rest of the file's name. */
export interface Scenario {
  name: string;
  /** Days that the demonstration's sources have to have. */
  days: readonly string[];
  play(stack: PipelineStack): Promise<Record<string, WorkflowHandle>>;
}

const DATE = '2026-01-31';
const QUEUE = 'millrace';

const DAY_BEFORE = '2026-01-30';

async function startBackfill(stack: PipelineStack, change: Partial<BackfillRequest> = {}): Promise<WorkflowHandle> {
  const { workflow } = stack.client;
  const request: BackfillRequest = { pipeline: 'ecommerce-daily', from: DAY_BEFORE, to: DATE, only: 'missing', newestFirst: false, parallel: 2, ...change };
  const started = await workflow.start('backfill', { taskQueue: QUEUE, workflowId: backfillId(request), args: [request] });
  await started.result().catch(() => undefined);
  return workflow.getHandle(started.workflowId, started.firstExecutionRunId);
}

/** A client with the plugin: its runs have search attributes. */
const withPlugin = (stack: PipelineStack): Client => new Client({ connection: stack.temporal.env.connection, namespace: stack.temporal.namespace, plugins: [new MillracePlugin()] });

/** The handle of exactly this execution: a day is run several times under the same id. */
async function start({ workflow }: Client, params: EcommerceDailyParams, memo: Record<string, unknown> = {}): Promise<WorkflowHandle> {
  const started = await workflow.start('ecommerceDaily', { taskQueue: QUEUE, workflowId: `ecommerce-daily-${params.date}`, args: [params], memo });
  return workflow.getHandle(started.workflowId, started.firstExecutionRunId);
}

/** Reuses what the failed run has finished. */
async function rerunOf(client: Client, ids: RunIds): Promise<WorkflowHandle> {
  const past = await readPastRun(client, ids);
  const { workflowId, runId } = await startRerun(client, past, planRerun(past.steps, undefined).reused);
  const handle = client.workflow.getHandle(workflowId, runId);
  await handle.result();
  return handle;
}

/** Paused, held, sent on by an operator; with search attributes, a deadline and an alert. */
async function heldAndRetried(stack: PipelineStack): Promise<WorkflowHandle> {
  stack.demo.setApiMode('forbidden');
  const handle = await start(withPlugin(stack), { date: DATE }, { millrace: { onStepFailure: 'hold', deadline: '1h' } });
  const isHeld = async (): Promise<void> => {
    const { state } = await handle.query<StepsAnswer>(STEPS_QUERY);
    if (state !== 'held') throw new Error(`the run is ${state}, not held`);
  };
  await pRetry(isHeld, { retries: 300, minTimeout: 200, factor: 1 });
  const anna = { by: 'anna' };
  await handle.executeUpdate(OPERATOR_UPDATES.pause, { args: [anna] });
  stack.demo.setApiMode('ok');
  await handle.executeUpdate(OPERATOR_UPDATES.resume, { args: [anna] });
  await handle.executeUpdate(OPERATOR_UPDATES.retry, { args: [{ ...anna, step: 'extract.extractCustomers' }] });
  await handle.result();
  return handle;
}

const WRITTEN: readonly Scenario[] = [
  {
    name: 'ecommerce-daily',
    days: [DATE],
    async play(stack) {
      await stack.worker(QUEUE);
      const completed = await start(stack.client, { date: DATE });
      await completed.result();
      stack.demo.setApiMode('forbidden');
      const failed = await start(stack.client, { date: DATE });
      await failed.result().catch(() => undefined);
      const { runId } = await failed.describe();
      const alert = stack.client.workflow.getHandle(`alert-${runId}`);
      await alert.result();
      stack.demo.setApiMode('ok');
      const rerun = await rerunOf(withPlugin(stack), { workflowId: failed.workflowId, runId });
      return { completed, failed, alert, rerun, held: await heldAndRetried(stack) };
    },
  },
  {
    name: 'kafka-signups',
    days: [],
    async play(stack) {
      return withSignupsTopic(stack, async () => {
        const play = async (name: string, params: KafkaSignupsParams): Promise<WorkflowHandle> => {
          const handle = await stack.client.workflow.start('kafkaSignups', { taskQueue: QUEUE, workflowId: `kafka-signups-${name}`, args: [{ date: DATE, ...params }] });
          await handle.result().catch(() => undefined);
          return handle;
        };
        const completed = await play('completed', { produce: 500, malformed: 0.05 });
        return { completed, empty: await play('empty', {}) };
      });
    },
  },
  {
    name: 'kafka-signups-stream',
    days: [],
    async play(stack) {
      return withSignupsTopic(stack, async () => {
        const { workflow } = stack.client;
        const params: KafkaSignupsStreamParams = { produce: 500, malformed: 0.05, seconds: 1, messages: 200, rounds: 2 };
        const first = await workflow.start('kafkaSignupsStream', { taskQueue: QUEUE, workflowId: 'kafka-signups-stream', args: [params] });
        const newest = workflow.getHandle(first.workflowId);
        const waits = async (): Promise<void> => {
          const { read, state } = await newest.query<StreamProgress>(STREAM_QUERY);
          if (read !== 500 || state !== 'waiting') throw new Error(`the stream has read ${read} of 500 messages`);
        };
        await pRetry(waits, { retries: 300, minTimeout: 200, factor: 1 });
        await newest.executeUpdate(DRAIN_UPDATE, { args: [{ by: 'anna' }] });
        await newest.result();
        return { continued: workflow.getHandle(first.workflowId, first.firstExecutionRunId), drained: newest };
      });
    },
  },
  {
    name: 'pipeline-monitoring',
    days: [DATE],
    async play(stack) {
      await stack.worker(QUEUE);
      await (await start(stack.client, { date: DATE })).result();
      const play = async (name: string, params: IntervalParams): Promise<WorkflowHandle> => {
        const handle = await stack.client.workflow.start('pipelineMonitoring', { taskQueue: QUEUE, workflowId: `pipeline-monitoring-${name}`, args: [params] });
        await handle.result();
        return handle;
      };
      const hour = 3_600_000;
      const completed = await play('completed', { start: new Date(Date.now() - hour).toISOString(), end: new Date(Date.now() + hour).toISOString() });
      return { completed, past: await play('past', { date: DATE }) };
    },
  },
  {
    name: 'backfill',
    days: [DAY_BEFORE, DATE],
    async play(stack) {
      await stack.worker(QUEUE);
      const completed = await startBackfill(stack);
      const continued = await startBackfill(stack, { only: 'all', pageSize: 1 });
      stack.demo.setApiMode('forbidden');
      const incomplete = await startBackfill(stack, { only: 'all' });
      return { completed, continued, incomplete };
    },
  },
  {
    name: 'pool',
    days: [],
    async play(stack) {
      await stack.worker(QUEUE);
      return { open: await playPool(stack.client, QUEUE) };
    },
  },
];

/** Pipelines of the catalog without a scenario of their own: one run of a day of the demonstration. */
const PLAIN = CATALOG.filter(({ name }) => WRITTEN.every((scenario) => scenario.name !== name)).map(
  ({ name, workflow }): Scenario => ({
    name,
    days: [DATE],
    async play(stack) {
      await stack.worker(QUEUE);
      const completed = await stack.client.workflow.start(workflow, { taskQueue: QUEUE, workflowId: `${name}-${DATE}`, args: [{ date: DATE }] });
      await completed.result();
      return { completed };
    },
  }),
);

export const SCENARIOS: readonly Scenario[] = [...WRITTEN, ...PLAIN];

/** A broker with the topic of the sign-ups, and a worker that reads it. */
async function withSignupsTopic<T>(stack: PipelineStack, play: () => Promise<T>): Promise<T> {
  const kafka = await startKafka();
  try {
    await kafka.createTopic('user_signups', { partitions: 2 });
    await stack.worker(QUEUE, { KAFKA_DEFAULT: `kafka://${kafka.address}` });
    return await play();
  } finally {
    await kafka.stop();
  }
}
