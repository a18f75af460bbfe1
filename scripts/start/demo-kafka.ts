import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { loadConnections } from '../../src/connections/connections.js';
import { createTopic } from '../../src/kafka/create-topic.js';
import type { OwnedStack } from '../../src/stack/stack-state.js';
import { findDocker, startDockerKafka } from '../servers/docker-kafka.js';
import { startKafkaBroker, type KafkaBroker } from '../servers/kafka-broker.js';
import { obtainKafka } from '../servers/obtain-kafka.js';
import { ProgramUnavailable } from '../servers/obtain-program.js';

export const KAFKA_CONNECTION = 'KAFKA_DEFAULT';

const TOPIC = 'user_signups';
const PARTITIONS = 3;

/** What a run on a broker of our own is given: nobody else fills its topic. */
export const DEMO_SIGNUPS: readonly string[] = ['produce=2000', 'malformed=0.05'];

/** A container takes connections before its broker does. */
const ANSWERS_WITHIN_MS = 90_000;
const LOOK_AGAIN_MS = 500;

type DemoKafka = Pick<KafkaBroker, 'address'> & { stop(): Promise<void> };

/**
 * A broker for the pipelines that need one, with its data beside the warehouse that knows how far it was loaded. `undefined` where the
 * user's settings name a cluster: that one is meant then.
 */
export async function startDemoKafka(stack: OwnedStack, root: string, log: (line: string) => void): Promise<DemoKafka | undefined> {
  const set = loadConnections({ env: process.env, root }).settings.find(({ name }) => name === KAFKA_CONNECTION);
  if (set !== undefined) {
    log(`Kafka: ${set.description ?? `MILLRACE_CONN_${KAFKA_CONNECTION}`}, from the ${set.source}`);
    return undefined;
  }
  const broker = await startBroker(stack, log);
  try {
    await untilAnswering(() => createTopic(broker.address, TOPIC, PARTITIONS));
    return broker;
  } catch (error) {
    await broker.stop();
    throw error;
  }
}

/** By Java, else by Docker. */
async function startBroker(stack: OwnedStack, log: (line: string) => void): Promise<DemoKafka> {
  const port = await stack.port('kafka');
  try {
    const program = await obtainKafka({ log });
    log('starting a Kafka broker (a few seconds)');
    return await startKafkaBroker({ program, dataDir: join(stack.home, 'kafka'), port, controllerPort: await stack.port('kafka-controller'), onSpawn: (pid) => stack.recordProcess('kafka', pid) });
  } catch (error) {
    if (!(error instanceof ProgramUnavailable)) throw error;
    // A setting that is wrong is to be corrected, not to be passed over.
    const docker = process.env['MILLRACE_KAFKA'] ? undefined : await findDocker(process.env);
    if (docker === undefined) {
      throw new Error(`${error.message}\nOr start Docker, or point it at a broker that is there: MILLRACE_CONN_${KAFKA_CONNECTION}=kafka://localhost:9092 (docs/kafka.md).`, { cause: error });
    }
    log('starting a Kafka broker by Docker (half a minute; the first time some minutes, for its image)');
    return startDockerKafka({ docker, home: stack.home, port });
  }
}

async function untilAnswering(ask: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + ANSWERS_WITHIN_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(LOOK_AGAIN_MS);
    }
  }
}
