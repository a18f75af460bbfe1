import { Context } from '@temporalio/activity';
import { generateSignups } from '../../src/demo/generate-signups.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import { MillraceError } from '../../src/errors.js';
import type { OutgoingMessage } from '../../src/kafka/message-log.js';
import { reportProgress } from '../../src/steps/progress.js';
import type { Dependencies } from '../dependencies.js';

export interface ProduceRequest {
  topic: string;
  count: number;
  /** Share of messages that are malformed, 0 to 1. */
  malformed: number;
}

const BATCH = 1000;

/**
 * For demonstrations and tests: makes the interval's sign-ups and produces them, the same ones on every attempt. A retry goes on
 * behind the batches that are known to be delivered; what it sends twice has the same event ids, by which loading merges.
 */
export function createProduceSignups(deps: Dependencies) {
  return async function produceSignups({ topic, count, malformed }: ProduceRequest, interval: DataInterval): Promise<{ produced: number }> {
    const { cancellationSignal: signal, log, info } = Context.current();
    if (!(Number.isInteger(count) && count > 0) || !(malformed >= 0 && malformed <= 1)) throw new MillraceError('BAD_PARAMS', 'produce is a whole number of messages, and malformed a share from 0 to 1.');
    const before = (info.heartbeatDetails as { produced?: number } | undefined)?.produced ?? 0;
    const { delivered } = await deps.messages().produce(topic, inBatches({ ...interval, count, malformed }, before), {
      signal,
      onDelivered: (messages) => reportProgress({ produced: before + messages, rows: before + messages }),
    });
    log.info(`${before + delivered} of ${count} messages delivered to ${topic}${before === 0 ? '' : `, ${before} of them by an earlier attempt`}`);
    return { produced: before + delivered };
  };
}

function* inBatches(day: Parameters<typeof generateSignups>[0], skip: number): Generator<OutgoingMessage[]> {
  let batch: OutgoingMessage[] = [];
  let index = 0;
  for (const message of generateSignups(day)) {
    index += 1;
    if (index <= skip) continue;
    batch.push(message);
    if (batch.length === BATCH) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
