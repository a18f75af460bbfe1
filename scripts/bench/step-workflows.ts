import { proxyActivities } from '@temporalio/workflow';

/** The options of our pipelines' steps, heartbeat timeout included: the plugin beats for them. */
const { noOp } = proxyActivities<{ noOp(): Promise<void> }>({
  startToCloseTimeout: '10m',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumAttempts: 4 },
});

/** One step after the other. */
export async function chain(steps: number): Promise<void> {
  for (let step = 0; step < steps; step += 1) await noOp();
}

/** All steps at once. */
export async function fanOut(steps: number): Promise<void> {
  await Promise.all(Array.from({ length: steps }, () => noOp()));
}
