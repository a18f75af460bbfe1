import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { StagedSignups } from '../activities/kafka-signups/consume-and-stage.js';
import type { Batch } from '../activities/kafka-signups/fix-bounds.js';
import type { LoadedSignups } from '../activities/kafka-signups/load-signups.js';
import { dataInterval, type DataInterval, type IntervalParams } from '../src/durable/data-interval.js';
import { withCleanup } from '../src/durable/with-cleanup.js';
import { CLEANUP, EXTRACT, WAREHOUSE } from './policies.js';

const { produceSignups, fixBounds, consumeAndStage } = proxyActivities<Activities>(EXTRACT);
const { loadSignups } = proxyActivities<Activities>(WAREHOUSE);
const { removeSignupStaging } = proxyActivities<Activities>(CLEANUP);

export interface KafkaSignupsParams extends IntervalParams {
  /** Default `user_signups`. */
  topic?: string;
  /** How many messages to make first, for demonstrations; default none: others fill the topic. */
  produce?: number;
  /** Share of them that is malformed, 0 to 1. */
  malformed?: number;
  /** Share of malformed messages above which nothing is published; default 0.5. */
  maxMalformed?: number;
  /** A run that finds nothing new succeeds; else it fails. */
  allowEmpty?: boolean;
  /** Give up messages that retention has deleted unread, and go on with the oldest that is there. */
  skipExpired?: boolean;
}

export interface KafkaSignupsResult extends Omit<StagedSignups, 'signups'>, LoadedSignups {
  interval: DataInterval;
  topic: string;
  produced: number;
  ranges: Batch['ranges'];
}

/** New users of the day: read a topic up to bounds that are fixed once, stage, load, clean up. */
export async function kafkaSignups(params: KafkaSignupsParams = {}): Promise<KafkaSignupsResult> {
  const interval = dataInterval(params);
  const { topic = 'user_signups', produce = 0, malformed = 0, maxMalformed = 0.5, allowEmpty = false, skipExpired = false } = params;

  return withCleanup((outcome) => removeSignupStaging(interval, outcome), async () => {
    const { produced } = produce === 0 ? { produced: 0 } : await produceSignups({ topic, count: produce, malformed }, interval);
    const batch = await fixBounds(topic, skipExpired, interval);
    const { signups, ...staged } = await consumeAndStage(batch, allowEmpty, interval);
    const loaded = await loadSignups({ signups, ...staged }, batch, maxMalformed, interval);
    return { interval, topic, produced, ranges: batch.ranges, ...staged, ...loaded };
  });
}
