import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

interface Scheduled {
  activityType: { name: string };
  retryPolicy?: { initialInterval?: string; maximumInterval?: string; backoffCoefficient?: number; maximumAttempts?: number };
  startToCloseTimeout?: string;
  scheduleToCloseTimeout?: string;
}

const HISTORY = join(import.meta.dirname, '..', 'replay', 'histories', 's3-etl-fault-tolerant-completed.json');

it('s3-etl-fault-tolerant tries its steps again three times, after 5 minutes and twice as long each time up to 30, within bounds of time', () => {
  const { events } = JSON.parse(readFileSync(HISTORY, 'utf8')) as { events: { activityTaskScheduledEventAttributes?: Scheduled }[] };
  const steps = events.flatMap(({ activityTaskScheduledEventAttributes: step }) => (step === undefined ? [] : [step]));
  const patient = steps.filter(({ activityType }) => !['findArrivals', 'removeSalesStaging'].includes(activityType.name));
  expect(patient.map(({ activityType }) => activityType.name)).toEqual(expect.arrayContaining(['noteMetadata', 'transformFile', 'loadSales', 'checkSales', 'publishSales', 'markProcessed']));
  for (const step of patient) {
    expect(step.retryPolicy).toEqual({ initialInterval: '300s', backoffCoefficient: 2, maximumInterval: '1800s', maximumAttempts: 4 });
    expect([step.startToCloseTimeout, step.scheduleToCloseTimeout]).toEqual(['3600s', '21600s']);
  }
});
