import type { WorkflowHandle } from '@temporalio/client';
import { backfillId, type BackfillRequest } from '../../src/durable/backfill.js';
import { CATALOG } from '../../src/catalog.js';
import type { EcommerceDailyParams } from '../../workflows/ecommerce-daily.js';
import type { PipelineStack } from '../support/pipeline-stack.js';

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

/** The handle of exactly this execution: a day is run several times under the same id. */
async function start(stack: PipelineStack, params: EcommerceDailyParams, memo: Record<string, unknown> = {}): Promise<WorkflowHandle> {
  const { workflow } = stack.client;
  const started = await workflow.start('ecommerceDaily', { taskQueue: QUEUE, workflowId: `ecommerce-daily-${params.date}`, args: [params], memo });
  return workflow.getHandle(started.workflowId, started.firstExecutionRunId);
}

const WRITTEN: readonly Scenario[] = [
  {
    name: 'ecommerce-daily',
    days: [DATE],
    async play(stack) {
      await stack.worker(QUEUE);
      const completed = await start(stack, { date: DATE });
      await completed.result();
      stack.demo.setApiMode('forbidden');
      const failed = await start(stack, { date: DATE });
      await failed.result().catch(() => undefined);
      const alert = stack.client.workflow.getHandle(`alert-${(await failed.describe()).runId}`);
      await alert.result();
      return { completed, failed, alert };
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
