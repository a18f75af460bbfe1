import { afterAll, beforeAll, expect, it } from 'vitest';
import { millis } from '../../src/runs/event-times.js';
import { readKill } from '../../src/verify/gate-files.js';
import { startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { describeWithServer } from '../support/with-server.js';
import { locateTemporal } from '../servers/temporal.js';

const DATE = '2026-01-31';
const PROMISED_MS = 10_000;

describeWithServer('a step whose worker was killed with SIGKILL', locateTemporal, () => {
  let stack: PipelineStack;

  beforeAll(async () => {
    stack = await startPipelineStack({ preload: [DATE] });
    await stack.worker('shared');
    await stack.worker('shared');
  }, 120_000);
  afterAll(() => stack?.stop());

  it.each(['extract.extractSales', 'extract.extractCustomers', 'cleanAndJoin', 'publishOrders'])(
    '%s begins again on a living worker within 10 s',
    async (step) => {
      const workflowId = `takeup-${step}`;
      await stack.gate.set(`kill-${workflowId}-${step}.start`);
      const handle = await stack.client.workflow.start('ecommerceDaily', { taskQueue: 'shared', workflowId, args: [{ date: DATE }] });
      await stack.gate.seen(`killed-${workflowId}-${step}.start`);
      const killed = (await readKill(stack.gates, workflowId, step, 'start'))!;
      await handle.result();

      const { events } = await handle.fetchHistory();
      const scheduled = events!.find((event) => event.activityTaskScheduledEventAttributes?.activityId === step)!;
      const started = events!.find((event) => String(event.activityTaskStartedEventAttributes?.scheduledEventId) === String(scheduled.eventId))!;
      expect(started.activityTaskStartedEventAttributes!.attempt).toBe(killed.attempt + 1);
      expect(millis(started.eventTime)! - killed.at).toBeLessThan(PROMISED_MS);
    },
    90_000,
  );
});
