import type { WorkflowInterceptorsFactory } from '@temporalio/workflow';
import { alertOutbox } from './alert-outbox.js';
import { operatedRun } from './operated-run.js';
import { givesSlotsBack } from './pool-steps.js';

/** What the plugin puts into the workflow sandbox. */
export const interceptors: WorkflowInterceptorsFactory = () => {
  const alerts = alertOutbox();
  const { calls, internals } = operatedRun();
  return { inbound: [givesSlotsBack(), alerts, calls], outbound: [calls, alerts], internals: [internals] };
};
