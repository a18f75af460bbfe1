import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import kafkajs from 'kafkajs';
import { createKafkaSignupsActivities } from '../../activities/kafka-signups/index.js';
import type { Dependencies } from '../../activities/dependencies.js';
import type { StagedSignups } from '../../activities/kafka-signups/consume-and-stage.js';
import type { Batch } from '../../activities/kafka-signups/fix-bounds.js';
import { generateSignups } from '../../src/demo/generate-signups.js';
import { createTopic } from '../../src/kafka/create-topic.js';
import { createKafkaLog } from '../../src/kafka/kafka-log.js';
import type { OutgoingMessage } from '../../src/kafka/message-log.js';
import { createLocalDirectoryStore } from '../../src/object-store/local-directory.js';
import { freePort } from '../../src/stack/ports.js';
import { createDuckDBWarehouse } from '../../src/warehouse/duckdb.js';
import { startKafkaBroker } from '../servers/kafka-broker.js';
import { obtainKafka } from '../servers/obtain-kafka.js';

/**
 * `consumeAndStage` against a bare kafkajs consumer that only counts, over the same topic of the same broker, turn by turn:
 * `npx tsx --expose-gc scripts/bench/kafka.ts [MESSAGES]`. Prints one JSON object; exits with 1 where the ratio is below 0.6 or the
 * memory above 300 MB.
 */
const messages = Number(process.argv[2] ?? 1_000_000);
const ROUNDS = 3;
const LEAST_RATIO = 0.6;
const MOST_MEMORY_MB = 300;
const DAY = { label: '2026-01-31', start: '2026-01-31T00:00:00.000Z', end: '2026-02-01T00:00:00.000Z' };

const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-kafka-'));
const broker = await startKafkaBroker({
  program: await obtainKafka({ log: console.error }),
  dataDir: join(folder, 'broker'),
  port: await freePort(),
  controllerPort: await freePort(),
});
const topic = 'bench';
try {
  await createTopic(broker.address, topic, 3);
  const log = createKafkaLog({ brokers: [broker.address], tls: 'off', clientId: 'bench' });
  const { delivered } = await log.produce(topic, inBatches(), { signal: new AbortController().signal, compression: 'none' });
  console.error(`${delivered} messages produced`);

  const limits = { memoryLimit: '256MB', threads: 2, scratchDir: join(folder, 'scratch') };
  const lake = createLocalDirectoryStore({ root: join(folder, 'lake') });
  const warehouse = createDuckDBWarehouse({ path: join(folder, 'warehouse.duckdb'), limits });
  const steps = createKafkaSignupsActivities({ lake: () => lake, messages: () => log, warehouse: () => warehouse, limits } as unknown as Dependencies);
  const bounds = await log.bounds(topic, { signal: new AbortController().signal });
  const batch: Batch = { topic, ranges: bounds.map(({ partition, low, end }) => ({ partition, from: low, to: end })), offsets: messages, lost: 0 };

  const rounds = [];
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 50);
  for (let round = 1; round <= ROUNDS; round += 1) {
    const interval = { pipeline: 'kafka-signups', ...DAY, run: `run-${round}`, generation: round };
    const bare = await seconds(() => countOnly(`bare-${round}`));
    const environment = (): MockActivityEnvironment => new MockActivityEnvironment({ currentAttemptScheduledTimestampMs: round });
    const began = performance.now();
    const staged = await environment().run<[Batch, boolean, typeof interval], StagedSignups, typeof steps.consumeAndStage>(steps.consumeAndStage, batch, false, interval);
    const staging = (performance.now() - began) / 1000;
    const loading = await seconds(async () => void (await environment().run(steps.loadSignups, staged, batch, 0.5, interval)));
    rounds.push({ bare: rate(bare), staged: rate(staging), ratio: bare / staging, ratioWithLoad: bare / (staging + loading) });
  }
  clearInterval(watch);
  const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
  const ratio = median(rounds.map((round) => round.ratio));
  const peakMb = Math.round(peak / 2 ** 20);
  console.log(JSON.stringify({ messages, rounds, ratio, ratioWithLoad: median(rounds.map((round) => round.ratioWithLoad)), peakMb }, undefined, 2));
  process.exitCode = ratio >= LEAST_RATIO && peakMb <= MOST_MEMORY_MB ? 0 : 1;
} finally {
  await broker.stop();
  await rm(folder, { recursive: true, force: true });
}

function* inBatches(): Generator<OutgoingMessage[]> {
  let batch: OutgoingMessage[] = [];
  for (const message of generateSignups({ ...DAY, count: messages, malformed: 0 })) {
    batch.push(message);
    if (batch.length < 2000) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function countOnly(groupId: string): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: [broker.address], logLevel: kafkajs.logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 500 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let count = 0;
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
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

async function seconds(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

function rate(elapsed: number): number {
  return Math.round(messages / elapsed);
}
