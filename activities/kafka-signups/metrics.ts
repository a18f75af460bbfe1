import type { MetricMeter } from '@temporalio/common';
import type { OffsetRange, PartitionBounds } from '../../src/kafka/message-log.js';

/** Of one load, of a day or of a stream's batch. */
export interface LoadFigures {
  read: number;
  staged: number;
  reasons: Readonly<Record<string, number>>;
  messagesPerSecond: number;
}

/** To Temporal's runtime, which serves them where `MILLRACE_PROMETHEUS` says; docs/kafka.md names them. */
export function recordLoad(meter: MetricMeter, topic: string, { read, staged, reasons, messagesPerSecond }: LoadFigures): void {
  const tags = { topic };
  meter.createHistogram('millrace_kafka_batch_messages', 'int', 'messages', 'Messages of one load').record(read, tags);
  meter.createCounter('millrace_kafka_messages_staged', 'messages', 'Messages that were staged').add(staged, tags);
  const quarantined = meter.createCounter('millrace_kafka_messages_quarantined', 'messages', 'Messages that were set aside');
  for (const [reason, messages] of Object.entries(reasons)) quarantined.add(messages, { topic, reason });
  meter.createGauge('millrace_kafka_messages_per_second', 'int', 'messages', 'Of the newest load, from its first message to its durable file').set(messagesPerSecond, tags);
}

/** Where loading has come to: what a stream knows of a partition between two batches. */
export type Position = Pick<OffsetRange, 'partition'> & { offset: number };

/** Messages that wait behind the positions, all partitions together; a partition without a position waits as a whole. */
export function recordLag(meter: MetricMeter, topic: string, bounds: readonly PartitionBounds[], positions: readonly Position[]): number {
  const gauge = meter.createGauge('millrace_kafka_lag', 'int', 'messages', 'Messages that wait to be loaded');
  const offsets = new Map(positions.map(({ partition, offset }) => [partition, offset]));
  let sum = 0;
  for (const { partition, low, end } of bounds) {
    const lag = Math.max(0, end - (offsets.get(partition) ?? low));
    gauge.set(lag, { topic, partition });
    sum += lag;
  }
  return sum;
}
