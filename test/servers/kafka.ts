import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { startKafkaBroker, type KafkaBroker, type KafkaBrokerOptions } from '../../scripts/servers/kafka-broker.js';
import { findPrograms } from '../../scripts/servers/find-program.js';
import type { KafkaProgram } from '../../scripts/servers/obtain-kafka.js';
import { ServerUnavailable } from '../support/with-server.js';
import { freePort } from './server-process.js';

export interface KafkaServer {
  /** `127.0.0.1:port`, the same after a restart. */
  address: string;
  /** The official protocol, for what our port does not do. */
  client: Kafka;
  admin: Admin;
  createTopic(topic: string, options?: { partitions?: number; config?: Record<string, string> }): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** On the data of the one before. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** What `test/global-setup.ts` has found; throws `ServerUnavailable` where there is none. */
export function locateKafka(): KafkaProgram {
  const [java] = findPrograms('java', process.env);
  const libs = process.env['MILLRACE_KAFKA'];
  if (java === undefined || !libs || !existsSync(libs)) throw new ServerUnavailable('there is no Kafka broker: install Java 17 and Maven, or set MILLRACE_KAFKA');
  return { java, libs };
}

/** A broker of its own in a temporary folder: loopback, free ports, stopped by its pid. */
export async function startKafka(options: Partial<Pick<KafkaBrokerOptions, 'port' | 'controllerPort' | 'settings' | 'format'>> = {}): Promise<KafkaServer> {
  const program = locateKafka();
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-kafka-'));
  const ports = { port: await freePort(), controllerPort: await freePort() };
  const open = (): Promise<KafkaBroker> => startKafkaBroker({ program, dataDir, ...ports, ...options });
  let broker = await open();
  const client = new Kafka({ clientId: 'test', brokers: [broker.address], logLevel: logLevel.NOTHING, retry: { retries: 30, initialRetryTime: 100, maxRetryTime: 1000 } });
  const admin = client.admin();
  await admin.connect();
  return {
    address: broker.address,
    client,
    admin,
    async createTopic(topic, { partitions = 1, config = {} } = {}) {
      const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
      await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: partitions, replicationFactor: 1, configEntries }] });
    },
    kill: () => broker.stop('SIGKILL'),
    async start() {
      broker = await open();
    },
    async stop() {
      await admin.disconnect().catch(() => undefined);
      await broker.stop('SIGKILL');
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
