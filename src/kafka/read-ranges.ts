import type { Consumer, EachBatchPayload } from 'kafkajs';
import { MillraceError } from '../errors.js';
import type { ConsumeRequest, MessageConsumer } from './message-log.js';
import { RangeProgress } from './range-progress.js';

/** After this long without a message or a bound that was reached, something is in the way. */
export const IDLE_MS = 60_000;

/**
 * Reads the ranges with a consumer of kafkajs that has been made for them, and settles and commits while it is still a member of
 * its group, so that a reader that has been replaced commits nothing.
 */
export async function readRanges<T>(
  consumer: Consumer,
  { topic, ranges }: ConsumeRequest,
  handler: MessageConsumer<T>,
  { signal, idleMs }: { signal: AbortSignal; idleMs: number },
): Promise<T> {
  const progress = new RangeProgress(topic, ranges);
  let lastMove = Date.now();
  let watch: NodeJS.Timeout | undefined;
  let onAbort = (): void => {};
  const read = new Promise<void>((resolve, reject) => {
    const moved = (partition: number, next: number): void => {
      lastMove = Date.now();
      progress.advance(partition, next);
      if (progress.isFinished(partition)) consumer.pause([{ topic, partitions: [partition] }]);
      if (progress.finished) resolve();
    };
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    watch = setInterval(() => {
      if (Date.now() - lastMove > idleMs) reject(incomplete(topic, progress, idleMs));
    }, Math.min(1000, idleMs / 4));

    // Also for what is never handed out: ends of transactions, and messages of aborted ones.
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => moved(payload.partition, Number(payload.lastOffset) + 1));
    consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || reject(payload.error));
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      const assigned = payload.memberAssignment[topic] ?? [];
      if (!progress.partitions.every((partition) => assigned.includes(partition))) reject(replaced(topic));
      place(consumer, topic, assigned, progress);
      // The last batch may have been handed out before the group was left.
      if (progress.finished) resolve();
    });

    const eachBatch = async (payload: EachBatchPayload): Promise<void> => {
      const { batch } = payload;
      const { partition } = batch;
      if (payload.isStale() || progress.isFinished(partition)) return;
      try {
        progress.assertAsked(partition, Number(fetchedOffset(batch)));
        const messages = progress.unread(partition, batch.messages);
        if (messages.length > 0) await handler.onMessages(partition, messages);
        // At once: where the broker is gone, the end of this batch is never told, and the batch comes again.
        progress.handedOut(partition, messages);
        lastMove = Date.now();
      } catch (error) {
        reject(error);
        throw error;
      }
      await payload.heartbeat();
    };
    consumer.run({ autoCommit: false, partitionsConsumedConcurrently: 1, eachBatch }).catch(reject);
    if (progress.finished) resolve();
  });
  try {
    await read;
  } finally {
    clearInterval(watch);
    signal.removeEventListener('abort', onAbort);
  }
  const result = await handler.settle();
  signal.throwIfAborted();
  await consumer.commitOffsets(ranges.map(({ partition, to }) => ({ topic, partition, offset: String(to) })));
  return result;
}

/** From where each partition is read next: after every join, since the group remembers only what was committed. */
function place(consumer: Consumer, topic: string, assigned: readonly number[], progress: RangeProgress): void {
  for (const partition of assigned) {
    if (progress.isFinished(partition)) consumer.pause([{ topic, partitions: [partition] }]);
    else consumer.seek({ topic, partition, offset: String(progress.position(partition)) });
  }
}

/** Where the fetch began that brought the batch; not among kafkajs's types. */
function fetchedOffset(batch: EachBatchPayload['batch']): string {
  return (batch as unknown as { fetchedOffset: string }).fetchedOffset;
}

function replaced(topic: string): MillraceError {
  return new MillraceError('READER_REPLACED', `A newer attempt of the step reads ${topic}: this one has stopped and committed nothing.`);
}

function incomplete(topic: string, progress: RangeProgress, idleMs: number): MillraceError {
  return new MillraceError(
    'SOURCE_INCOMPLETE',
    `No message of ${topic} has come for ${idleMs / 1000} s: ${progress.describe()}. A transaction that is open holds messages back, or the broker does not answer. Look at the topic, or try again later.`,
  );
}
