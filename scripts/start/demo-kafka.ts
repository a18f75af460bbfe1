import { join } from 'node:path';
import { loadConnections } from '../../src/connections/connections.js';
import { createTopic } from '../../src/kafka/create-topic.js';
import type { OwnedStack } from '../../src/stack/stack-state.js';
import { startKafkaBroker, type KafkaBroker } from '../servers/kafka-broker.js';
import { obtainKafka, type KafkaProgram } from '../servers/obtain-kafka.js';
import { ProgramUnavailable } from '../servers/obtain-program.js';

export const KAFKA_CONNECTION = 'KAFKA_DEFAULT';

const TOPIC = 'user_signups';
const PARTITIONS = 3;

/** What a run on a broker of our own is given: nobody else fills its topic. */
export const DEMO_SIGNUPS: readonly string[] = ['produce=2000', 'malformed=0.05'];

/**
 * A broker for `kafka-signups`, with its data beside the warehouse that knows how far it was loaded. `undefined` where the user's
 * settings name a cluster: that one is meant then.
 */
export async function startDemoKafka(stack: OwnedStack, root: string, log: (line: string) => void): Promise<KafkaBroker | undefined> {
  const set = loadConnections({ env: process.env, root }).settings.find(({ name }) => name === KAFKA_CONNECTION);
  if (set !== undefined) {
    log(`Kafka: ${set.description ?? `MILLRACE_CONN_${KAFKA_CONNECTION}`}, from the ${set.source}`);
    return undefined;
  }
  const program = await obtainBroker(log);
  log('starting a Kafka broker (a few seconds)');
  const broker = await startKafkaBroker({
    program,
    dataDir: join(stack.home, 'kafka'),
    port: await stack.port('kafka'),
    controllerPort: await stack.port('kafka-controller'),
    onSpawn: (pid) => stack.recordProcess('kafka', pid),
  });
  try {
    await createTopic(broker.address, TOPIC, PARTITIONS);
    return broker;
  } catch (error) {
    await broker.stop();
    throw error;
  }
}

async function obtainBroker(log: (line: string) => void): Promise<KafkaProgram> {
  try {
    return await obtainKafka({ log });
  } catch (error) {
    if (!(error instanceof ProgramUnavailable)) throw error;
    throw new Error(`${error.message}\nOr point it at a broker that is there: MILLRACE_CONN_${KAFKA_CONNECTION}=kafka://localhost:9092 (for example docker run -p 9092:9092 apache/kafka:4.1.0; docs/kafka.md).`, { cause: error });
  }
}
