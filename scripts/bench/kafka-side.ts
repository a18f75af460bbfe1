/** One side of the benchmark `kafka`, in a process of its own: does its work and answers with its memory whenever it is asked. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import kafkajs from 'kafkajs';
import type { StagedSignups } from '../../activities/kafka-signups/consume-and-stage.js';
import type { Batch } from '../../activities/kafka-signups/fix-bounds.js';
import { createKafkaSignupsActivities } from '../../activities/kafka-signups/index.js';
import { createKafkaLog } from '../../src/kafka/kafka-log.js';
import { createLocalDirectoryStore } from '../../src/object-store/local-directory.js';
import { createDuckDBWarehouse } from '../../src/warehouse/duckdb.js';
import { dependenciesOf } from '../../test/support/activity-dependencies.js';

export interface SideOptions {
  /** `bare` only counts; `stage` runs the step `consumeAndStage`; `load` runs `loadSignups` behind it. */
  side: 'bare' | 'stage' | 'load';
  address: string;
  topic: string;
  messages: number;
  folder: string;
  day: { label: string; start: string; end: string };
}

export interface RoundReport {
  /** Of resident memory while the round lasted. */
  peakMb: number;
}

const SAMPLE_MS = 50;
const options = JSON.parse(process.argv[2]!) as SideOptions;
const { side, address, topic, messages, folder, day } = options;
const logger = new DefaultLogger('ERROR');
let rounds = 0;

async function round(): Promise<RoundReport> {
  rounds += 1;
  let peak = process.memoryUsage.rss();
  const sampling = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), SAMPLE_MS);
  await (side === 'bare' ? countOnly(`bare-${rounds}`) : stage());
  clearInterval(sampling);
  return { peakMb: peak / 2 ** 20 };
}

async function stage(): Promise<void> {
  const home = join(folder, `${side}-${rounds}`);
  const limits = { memoryLimit: '1GB', threads: 2, scratchDir: join(home, 'scratch') };
  const [log, lake, warehouse] = [createKafkaLog({ brokers: [address], tls: 'off', clientId: 'bench' }), createLocalDirectoryStore({ root: join(home, 'lake') }), createDuckDBWarehouse({ path: join(home, 'warehouse.duckdb'), limits })];
  const steps = createKafkaSignupsActivities(dependenciesOf({ lake: () => lake, messages: () => log, warehouse: () => warehouse, limits }));
  const bounds = await log.bounds(topic, { signal: new AbortController().signal });
  const batch: Batch = { topic, ranges: bounds.map(({ partition, low, end }) => ({ partition, from: low, to: end })), offsets: messages, lost: 0 };
  const interval = { pipeline: 'kafka-signups', ...day, run: `${side}-${rounds}`, generation: rounds };
  const environment = (): MockActivityEnvironment => new MockActivityEnvironment({ currentAttemptScheduledTimestampMs: rounds }, { logger });
  const staged = await environment().run<[Batch, boolean, typeof interval], StagedSignups, typeof steps.consumeAndStage>(steps.consumeAndStage, batch, false, interval);
  if (staged.staged !== messages) throw new Error(`kafka: ${staged.staged} messages were staged, not ${messages}`);
  if (side === 'load') await environment().run(steps.loadSignups, staged, batch, 0.5, interval);
  await rm(home, { recursive: true, force: true });
}

async function countOnly(groupId: string): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: [address], logLevel: kafkajs.logLevel.NOTHING });
  // As the step polls: both sides wait for their last poll before they leave.
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let count = 0;
  await new Promise<void>((resolve, reject) => {
    // The coordinator of a fresh broker may still be loading: then the consumer starts again.
    consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || reject(payload.error));
    consumer
      .run({
        autoCommit: false,
        eachBatch: ({ batch }) => {
          count += batch.messages.length;
          if (count >= messages) resolve();
          return Promise.resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
}

process.on('message', () => {
  round().then(
    (report) => process.send!(report),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.once('disconnect', () => process.exit(0));
