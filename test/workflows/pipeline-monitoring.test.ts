import { Context } from '@temporalio/activity';
import { CancelledFailure, type ApplicationFailure } from '@temporalio/common';
import type { WorkflowFailedError } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Activities } from '../../activities/index.js';
import { MillraceError } from '../../src/errors.js';
import type { HealthReport } from '../../src/monitoring/health.js';
import type { PipelineMonitoringResult } from '../../workflows/pipeline-monitoring.js';
import { locateTemporal } from '../servers/temporal.js';
import { startBlockRuns, type BlockRuns } from '../support/block-runs.js';
import { describeWithServer } from '../support/with-server.js';

const SOON = { timeout: 25_000 };
const REPORT: HealthReport = { at: '2026-01-31T10:15:00.000Z', window: { start: '2026-01-30T10:15:00.000Z', end: '2026-01-31T10:15:00.000Z' }, pipelines: [], unreached: [] };
const LONG_AGO = { start: '2026-01-31T10:00:00Z', end: '2026-01-31T10:15:00Z' };

type Steps = Pick<Activities, 'lookAtPipelines' | 'storeHealth' | 'measureRuns' | 'publishMetrics' | 'tellOfHealth' | 'sendAlert'>;

/** With stubbed steps: what it does when one of them fails. */
describeWithServer('the workflow of pipeline-monitoring', locateTemporal, () => {
  let runs: BlockRuns;
  let told: HealthReport[];
  let alerts: number;
  /** Of one test. */
  let steps: Steps;

  beforeAll(async () => {
    const names = ['lookAtPipelines', 'storeHealth', 'measureRuns', 'publishMetrics', 'tellOfHealth', 'sendAlert'] as const;
    const activities = Object.fromEntries(names.map((name) => [name, (...args: never[]) => (steps[name] as (...all: never[]) => unknown)(...args)]));
    runs = await startBlockRuns({ fixture: 'monitoring-workflows.ts', activities });
  });
  afterAll(() => runs?.stop());
  beforeEach(() => {
    [told, alerts] = [[], 0];
    steps = {
      lookAtPipelines: () => Promise.resolve(REPORT),
      storeHealth: () => Promise.resolve({ rows: 3 }),
      measureRuns: () => Promise.resolve({ batches: ['2026-01-31/1000/run-001'], tooOld: 0 }),
      publishMetrics: (service, batches) => Promise.resolve(service === 'warehouse' ? { published: batches.length, unsure: 0, tooOld: 0 } : null),
      tellOfHealth: (report) => {
        told.push(report);
        return Promise.resolve({ open: 0, messages: 0 });
      },
      sendAlert: () => {
        alerts += 1;
        return Promise.resolve();
      },
    };
  });

  const refuse = (): Promise<never> => Promise.reject(new MillraceError('METRICS_FORBIDDEN', 'these credentials may not publish'));
  const result = async (params: object = LONG_AGO): Promise<PipelineMonitoringResult> => (await runs.start('pipelineMonitoring', params)).result() as Promise<PipelineMonitoringResult>;

  it('publishes to every service that is connected', async () => {
    expect(await result()).toMatchObject({ published: { warehouse: 1, cloudwatch: null }, unsure: 0, unreached: [] });
    expect(told).toEqual([REPORT]);
  });

  it('goes on without a service that refuses, and tells that it was not reached', async () => {
    const { publishMetrics } = steps;
    steps.publishMetrics = (service, batches) => (service === 'cloudwatch' ? refuse() : publishMetrics(service, batches));
    const unreached = [{ part: 'the metrics of cloudwatch', why: 'these credentials may not publish' }];
    expect(await result()).toMatchObject({ published: { warehouse: 1, cloudwatch: null }, unreached });
    expect(told).toEqual([{ ...REPORT, unreached }]);
  });

  it('does not take metrics for published that could not be measured', async () => {
    steps.measureRuns = refuse;
    const { unreached, published } = await result();
    expect(published).toEqual({ warehouse: null, cloudwatch: null });
    expect(unreached.map(({ part }) => part)).toEqual(['the runs to measure', 'the metrics of warehouse', 'the metrics of cloudwatch']);
    expect(told).toHaveLength(1);
  });

  it('fails where nobody would be told: without a look, and when telling fails', async () => {
    steps.lookAtPipelines = () => Promise.resolve(null);
    steps.publishMetrics = refuse;
    const without = await result().catch((error: unknown) => error);
    expect((without as WorkflowFailedError).cause?.cause as ApplicationFailure).toMatchObject({ type: 'METRICS_FORBIDDEN' });
    await expect.poll(() => alerts, SOON).toBeGreaterThan(0);
    expect(told).toEqual([]);
  });

  it('that is cancelled in a step ends as cancelled, and tells nobody anything', async () => {
    let began = false;
    steps.publishMetrics = async () => {
      began = true;
      await Context.current().cancelled;
      return null;
    };
    const handle = await runs.start('pipelineMonitoring', LONG_AGO);
    await expect.poll(() => began, SOON).toBe(true);
    await handle.cancel();
    const error: unknown = await handle.result().catch((thrown: unknown) => thrown);
    expect((error as WorkflowFailedError).cause).toBeInstanceOf(CancelledFailure);
    expect(told).toEqual([]);
  });

  it('looks at an interval that has just ended only when its last runs are visible', async () => {
    const end = new Date(Date.now() + 20_000);
    const handle = await runs.start('pipelineMonitoring', { start: new Date(end.getTime() - 900_000).toISOString(), end: end.toISOString() });
    const firstTimer = async (): Promise<unknown> => (await handle.fetchHistory()).events?.find(({ timerStartedEventAttributes, activityTaskScheduledEventAttributes }) => timerStartedEventAttributes ?? activityTaskScheduledEventAttributes)?.timerStartedEventAttributes;
    await expect.poll(firstTimer, SOON).toBeTruthy();
    await handle.terminate();
  });
});
