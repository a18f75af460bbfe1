import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { createAwaitSignups, type SignupsWanted } from '../../activities/kafka-signups/await-signups.js';
import type { MessageLog, PartitionBounds } from '../../src/kafka/message-log.js';
import { dependenciesOf } from '../support/activity-dependencies.js';

const HOUR = 3_600_000;

describe('the sensor of a stream', () => {
  /** One look at a topic with these ends; positions are at 100 of both partitions. */
  const look = (ends: readonly [number, number], wanted: Partial<SignupsWanted> = {}): Promise<unknown> => {
    const bounds: PartitionBounds[] = ends.map((end, partition) => ({ partition, low: 0, end }));
    const messages = (): MessageLog => ({ bounds: () => Promise.resolve(bounds) }) as unknown as MessageLog;
    const [now, positions] = [Date.now(), [0, 1].map((partition) => ({ partition, offset: 100 }))];
    return new MockActivityEnvironment().run(createAwaitSignups(dependenciesOf({ messages })), { topic: 't', positions, messages: 50, due: now + HOUR, until: now + HOUR, ...wanted });
  };
  const notYet = expect.objectContaining({ type: 'NOT_YET', category: 'BENIGN' }) as unknown;

  it('finds as soon as enough messages wait, in all partitions together', async () => {
    expect(await look([120, 130])).toEqual({ waiting: 50 });
    await expect(look([120, 129])).rejects.toEqual(notYet);
  });

  it('finds one message when the next batch is due, and none before it comes', async () => {
    expect(await look([100, 101], { due: Date.now() - 1 })).toEqual({ waiting: 1 });
    await expect(look([100, 100], { due: Date.now() - 1 })).rejects.toEqual(notYet);
  });

  it('takes a partition that is new as a whole', async () => {
    expect(await look([100, 60], { positions: [{ partition: 0, offset: 100 }] })).toEqual({ waiting: 60 });
  });

  it('ends a wait in which nothing came, so that no wait is for ever', async () => {
    expect(await look([100, 100], { until: Date.now() - 1 })).toEqual({ waiting: 0 });
  });

  it('ends where the topic does not have what was loaded: it was made anew, and somebody has to be told', async () => {
    expect(await look([100, 40])).toEqual({ waiting: 1 });
    expect(await look([0, 0])).toEqual({ waiting: 1 });
  });
});
