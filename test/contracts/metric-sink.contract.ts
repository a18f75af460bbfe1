import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { statisticsOf, type MetricBatch, type MetricDimensions, type MetricName, type MetricPoint, type MetricSink, type Statistics } from '../../src/metrics/metric-sink.js';

export interface MetricSinkUnderTest {
  sink: MetricSink;
  /** Another one on the same service: that of another worker. */
  another(): MetricSink;
  /** Everything that the service has of a metric. */
  read(name: MetricName, dimensions: MetricDimensions): Promise<Statistics & { at: readonly string[] }>;
  stop(): Promise<void>;
}

const { signal } = new AbortController();
/** Recent, and on a minute, so that services which round say the same. */
const minutesAgo = (minutes: number): string => new Date(Math.floor(Date.now() / 60_000) * 60_000 - minutes * 60_000).toISOString();

const point = (name: MetricName, dimensions: MetricDimensions, at: string, ...values: number[]): MetricPoint => ({ name, dimensions, at, statistics: statisticsOf(values) });

/** What every place for measurements does. */
export function metricSinkContract(name: string, open: () => Promise<MetricSinkUnderTest>): void {
  describe(`measurements ${name}`, () => {
    let under: MetricSinkUnderTest;
    let batches = 0;
    beforeAll(async () => {
      under = await open();
    });
    afterAll(() => under?.stop());

    const batchOf = (...points: MetricPoint[]): MetricBatch => ({ id: `2026-01-31/contract-${(batches += 1)}`, points });
    const publish = (batch: MetricBatch, sink = under.sink) => sink.publish(batch, { signal });

    it('have their name, dimensions, values and the time at which they happened', async () => {
      const at = minutesAgo(90);
      const published = await publish(batchOf(point('RunSeconds', { pipeline: 'told' }, at, 12.5), point('StepRows', { pipeline: 'told', step: 'load' }, at, 10, 30, 20)));
      expect(published).toEqual({ published: 2, unsure: 0, tooOld: 0 });
      expect(await under.read('RunSeconds', { pipeline: 'told' })).toEqual({ at: [at], count: 1, sum: 12.5, min: 12.5, max: 12.5 });
      expect(await under.read('StepRows', { pipeline: 'told', step: 'load' })).toEqual({ at: [at], count: 3, sum: 60, min: 10, max: 30 });
    });

    it('count once, however often and by whomever their batch is published', async () => {
      const batch = batchOf(point('Runs', { pipeline: 'once' }, minutesAgo(30), 1));
      await publish(batch);
      await publish(batch);
      const later = await publish(batch, under.another());
      expect(later).toEqual({ published: 1, unsure: 0, tooOld: 0 });
      expect(await under.read('Runs', { pipeline: 'once' })).toMatchObject({ count: 1, sum: 1 });
    });

    it('of different batches add up', async () => {
      for (const failures of [0, 1, 1]) await publish(batchOf(point('Failures', { pipeline: 'sum' }, minutesAgo(5), failures)));
      expect(await under.read('Failures', { pipeline: 'sum' })).toMatchObject({ count: 3, sum: 2, max: 1 });
    });

    it('may be more than one request takes', async () => {
      const points = Array.from({ length: 2_300 }, (_, index) => point('StepSeconds', { pipeline: 'many', step: `step-${index}` }, minutesAgo(3), index));
      expect(await publish(batchOf(...points))).toMatchObject({ published: 2_300 });
      for (const index of [0, 999, 1_000, 2_299]) expect(await under.read('StepSeconds', { pipeline: 'many', step: `step-${index}` })).toMatchObject({ count: 1, sum: index });
    });

    it('may be none', async () => {
      expect(await publish(batchOf())).toEqual({ published: 0, unsure: 0, tooOld: 0 });
    });

    it('are not published by a call that is cancelled', async () => {
      const cancelled = new AbortController();
      cancelled.abort(new Error('cancelled'));
      const batch = batchOf(point('Runs', { pipeline: 'cancelled' }, minutesAgo(2), 1));
      await expect(under.sink.publish(batch, { signal: cancelled.signal })).rejects.toThrow('cancelled');
      await publish(batch);
      expect(await under.read('Runs', { pipeline: 'cancelled' })).toMatchObject({ count: 1 });
    });

    it('can be checked without publishing any', async () => {
      expect(await under.sink.check()).not.toBe('');
    });
  });
}
