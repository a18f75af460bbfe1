import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateSignups } from '../../src/demo/generate-signups.js';
import { createTopic } from '../../src/kafka/create-topic.js';
import { createKafkaLog } from '../../src/kafka/kafka-log.js';
import type { OutgoingMessage } from '../../src/kafka/message-log.js';
import { freePort } from '../../src/stack/ports.js';
import { WORKER_FLAGS } from '../../workers/worker-process.js';
import { startKafkaBroker } from '../servers/kafka-broker.js';
import { obtainKafka } from '../servers/obtain-kafka.js';
import type { BenchContext } from './bench-context.js';
import { count, plainFigure, ratioFigure, seconds, sideBySide, type Figure } from './figures.js';
import type { RoundReport, SideOptions } from './kafka-side.js';

const TOPIC = 'bench';
const PARTITIONS = 3;
const ROUNDS = 5;
const DAY = { label: '2026-01-31', start: '2026-01-31T00:00:00.000Z', end: '2026-02-01T00:00:00.000Z' };
/** At least 0.6 of the messages a second that are only counted. */
const TARGET = 1 / 0.6;
const PEAK_TARGET_MB = 300;
/** The last third of all rounds may take this many times the memory of the first. */
const FLAT_TARGET = 1.2;

/**
 * `consumeAndStage` of `kafka-signups` against a bare kafkajs consumer that only counts, over the same messages of the same broker,
 * each in a process of its own: so nothing but the step counts for its memory. Measured again with the load into DuckDB.
 */
export async function benchKafka(context: BenchContext): Promise<Figure[]> {
  const folder = join(context.folder, 'kafka');
  await mkdir(folder, { recursive: true });
  const messages = context.quick ? 100_000 : 1_000_000;
  const broker = await startKafkaBroker({ program: await obtainKafka({ log: (line) => context.say(line) }), dataDir: join(folder, 'broker'), port: await freePort(), controllerPort: await freePort() });
  try {
    context.say(`kafka: producing ${count(messages)} messages`);
    await produce(broker.address, messages);
    const options = { address: broker.address, topic: TOPIC, messages, folder, day: DAY };
    return await withSides(options, async ({ bare, stage, load }) => {
      const rounds: RoundReport[] = [];
      const measure = async (name: string, ours: () => Promise<RoundReport>, target?: number): Promise<Figure> => {
        context.say(`kafka: ${count(messages)} messages, ${name}`);
        const comparison = await sideBySide({ ours: async () => void rounds.push(await ours()), theirs: async () => void (await bare()) }, context.quick ? 3 : ROUNDS);
        context.say(`kafka: ${comparison.ours.map(seconds).join(', ')} against ${comparison.theirs.map(seconds).join(', ')}`);
        return ratioFigure(comparison, { benchmark: 'kafka', name: `${count(messages)} messages, ${name}`, ...(target === undefined ? {} : { target }), ours: 'Millrace', theirs: 'bare consumer' });
      };
      const staged = await measure('staged as CSV', stage, TARGET);
      const memory = memoryFigures(rounds, messages);
      return [staged, ...memory, await measure('staged and loaded', load)];
    });
  } finally {
    await broker.stop();
  }
}

/** Of all rounds of one process, the first one included. */
function memoryFigures(rounds: readonly RoundReport[], messages: number): Figure[] {
  const peaks = rounds.map(({ peakMb }) => peakMb);
  const third = Math.ceil(peaks.length / 3);
  const flat = Math.max(...peaks.slice(-third)) / Math.max(...peaks.slice(0, third));
  const detail = `megabytes, round by round: ${peaks.map(Math.round).join(', ')}`;
  return [
    plainFigure(peaks, { benchmark: 'kafka', name: `peak of the process, ${count(messages)} messages`, unit: 'MB', target: PEAK_TARGET_MB, detail }),
    plainFigure([flat], { benchmark: 'kafka', name: `last third of ${count(rounds.length * messages)} messages against the first`, unit: '×', target: FLAT_TARGET, detail }),
  ];
}

async function produce(address: string, messages: number): Promise<void> {
  await createTopic(address, TOPIC, PARTITIONS);
  const log = createKafkaLog({ brokers: [address], tls: 'off', clientId: 'bench' });
  await log.produce(TOPIC, inBatches(messages), { signal: new AbortController().signal, compression: 'none' });
}

function* inBatches(messages: number): Generator<OutgoingMessage[]> {
  let batch: OutgoingMessage[] = [];
  for (const message of generateSignups({ ...DAY, count: messages, malformed: 0 })) {
    batch.push(message);
    if (batch.length < 2000) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

type Sides = Record<SideOptions['side'], () => Promise<RoundReport>>;

async function withSides<T>(options: Omit<SideOptions, 'side'>, use: (sides: Sides) => Promise<T>): Promise<T> {
  const [bare, stage, load] = (['bare', 'stage', 'load'] as const).map((side) => startSide({ ...options, side }));
  try {
    return await use({ bare: bare!.round, stage: stage!.round, load: load!.round });
  } finally {
    await Promise.all([bare, stage, load].map((side) => side!.stop()));
  }
}

/** A process as workers are started, that does its side's work once for every question. */
function startSide(options: SideOptions): { round: () => Promise<RoundReport>; stop: () => Promise<void> } {
  const entry = new URL(`./kafka-side${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
  const child = fork(fileURLToPath(entry), [JSON.stringify(options)], { execArgv: [...WORKER_FLAGS], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const exit = once(child, 'exit');
  return {
    async round() {
      const ended = exit.then(() => {
        throw new Error(`kafka: the process of ${options.side} has ended`);
      });
      const answer = once(child, 'message');
      child.send('round');
      const [report] = (await Promise.race([answer, ended])) as [RoundReport];
      return report;
    },
    async stop() {
      child.kill();
      await exit;
    },
  };
}
