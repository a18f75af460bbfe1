import { proxyActivities } from '@temporalio/workflow';
import type { RunFailure } from './run-failure.js';

/** A mail server may be down for a night: a day of attempts, at most five minutes apart. */
const { sendAlert } = proxyActivities<{ sendAlert(failure: RunFailure): Promise<void> }>({
  startToCloseTimeout: '1m',
  scheduleToCloseTimeout: '24h',
  retry: { initialInterval: '5s', backoffCoefficient: 2, maximumInterval: '5m' },
});

/** Tells people that a run has failed. Started by the step plugin, never by a pipeline. */
export async function deliverAlert(failure: RunFailure): Promise<void> {
  await sendAlert(failure);
}
