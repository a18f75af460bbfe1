import kafkajs, { type Consumer, type Kafka, type KafkaConfig, type SASLOptions } from 'kafkajs';
import { MillraceError } from '../errors.js';
import { COMPRESSION_TYPES, registerCodecs } from './codecs.js';
import { coordinatorStarts, kafkaError } from './kafka-errors.js';
import type { MessageConsumer, MessageLog } from './message-log.js';
import { newestReader } from './newest-reader.js';
import { IDLE_MS, readRanges } from './read-ranges.js';

export interface KafkaLogOptions {
  /** `host:port` each. */
  brokers: readonly string[];
  /** `no-verify` encrypts and takes any certificate. */
  tls: 'off' | 'verify' | 'no-verify';
  sasl?: { mechanism: SaslMechanism; username: string; password: string };
  /** What brokers call us in their logs and quotas. */
  clientId: string;
  /** How often a request is tried, the first time included; default 8. */
  maxAttempts?: number;
  /** Milliseconds without any message before a bound; default 60 000. */
  idleMs?: number;
}

export type SaslMechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512';

/** The shortest that brokers take by default: the member of a killed worker leaves its group after this long. */
const SESSION_TIMEOUT_MS = 6_000;
const HEARTBEAT_MS = 1_500;
const REQUEST_TIMEOUT_MS = 30_000;
/** How long a broker may load its groups after its start. */
const START_TIMEOUT_MS = 30_000;
/**
 * What is fetched at a time, of all partitions together: messages that are gone before the garbage collector looks for them cost half
 * the time and no lasting memory. Larger ones are sent all the same.
 */
const FETCHED_BYTES = 512 * 1024;
const LEAST_FETCHED_BYTES = 64 * 1024;

/** Kafka by kafkajs, which is unmaintained since 2023: nothing outside of this folder knows it. */
export function createKafkaLog(options: KafkaLogOptions): MessageLog {
  registerCodecs();
  const where = `kafka://${options.brokers.join(',')}`;
  const retry = { retries: (options.maxAttempts ?? 8) - 1, initialRetryTime: 200, maxRetryTime: 5_000 };
  const kafka: Kafka = new kafkajs.Kafka({ ...clientOptions(options), retry });

  const translated = async <T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> => {
    try {
      signal?.throwIfAborted();
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof CallersError ? error.cause : kafkaError(error, where);
    }
  };
  const withAdmin = async <T>(use: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> => {
    const admin = kafka.admin();
    try {
      await admin.connect();
      return await use(admin);
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  };
  /** Asked for by a list: a question about one topic would create it where brokers do that. */
  const assertTopic = async (admin: ReturnType<Kafka['admin']>, topic: string): Promise<void> => {
    if ((await admin.listTopics()).includes(topic)) return;
    throw new MillraceError('SOURCE_MISSING', `${where} has no topic ${topic}, or its user may not see it. Create the topic, or correct its name.`);
  };

  return {
    description: where,

    bounds: (topic, { signal }) =>
      translated(signal, () =>
        withAdmin(async (admin) => {
          await assertTopic(admin, topic);
          const offsets = await admin.fetchTopicOffsets(topic);
          return offsets.map(({ partition, low, high }) => ({ partition, low: Number(low), end: Number(high) })).toSorted((a, b) => a.partition - b.partition);
        }),
      ),

    consume: (request, consumer, { signal }) =>
      translated(signal, async () => {
        await withAdmin((admin) => assertTopic(admin, request.topic));
        const lastStart = Date.now() + START_TIMEOUT_MS;
        let over = false;
        const member = kafka.consumer({
          groupId: request.group,
          partitionAssigners: [newestReader(request.reader)],
          sessionTimeout: SESSION_TIMEOUT_MS,
          rebalanceTimeout: SESSION_TIMEOUT_MS,
          heartbeatInterval: HEARTBEAT_MS,
          allowAutoTopicCreation: false,
          maxWaitTimeInMs: 500,
          maxBytesPerPartition: Math.max(LEAST_FETCHED_BYTES, Math.floor(FETCHED_BYTES / Math.max(1, request.ranges.length))),
          // Else the step is what is tried again.
          retry: { ...retry, restartOnFailure: (raised) => Promise.resolve(!over && coordinatorStarts(raised) && Date.now() < lastStart) },
        });
        try {
          await member.connect();
          await member.subscribe({ topic: request.topic, fromBeginning: true });
          return await readRanges(member, request, marked(consumer), { signal, idleMs: options.idleMs ?? IDLE_MS });
        } finally {
          over = true;
          await leave(member);
        }
      }),

    produce: async (topic, batches, { signal, compression = 'gzip', onDelivered }) => {
      let delivered = 0;
      const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false, createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
      try {
        await translated(signal, async () => {
          await withAdmin((admin) => assertTopic(admin, topic));
          await producer.connect();
        });
        for (const batch of batches) {
          await translated(signal, () => producer.send({ topic, acks: -1, compression: COMPRESSION_TYPES[compression], messages: [...batch] })).catch((error: unknown) => {
            throw undelivered(error, topic, delivered, batch.length);
          });
          delivered += batch.length;
          onDelivered?.(delivered);
        }
        return { delivered };
      } finally {
        await producer.disconnect().catch(() => undefined);
      }
    },

    committed: (group, topic) =>
      translated(undefined, () =>
        withAdmin(async (admin) => {
          const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
          return (found?.partitions ?? []).map(({ partition, offset }) => ({ partition, offset: Number(offset) })).toSorted((a, b) => a.partition - b.partition);
        }),
      ),

    check: () =>
      translated(undefined, () =>
        withAdmin(async (admin) => {
          const [{ brokers }, topics] = [await admin.describeCluster(), await admin.listTopics()];
          return `${where} has ${brokers.length} broker${brokers.length === 1 ? '' : 's'} and ${topics.length} topics that can be seen.`;
        }),
      ),

    // Nothing stays connected between two calls.
    close: () => Promise.resolve(),
  };
}

/** What the caller's own work has thrown, which is no error of Kafka's. */
class CallersError extends Error {
  override readonly name = 'CallersError';
}

function marked<T>(consumer: MessageConsumer<T>): MessageConsumer<T> {
  const mark = (cause: unknown): never => {
    throw new CallersError('the caller has failed', { cause });
  };
  return {
    onMessages: async (partition, messages) => {
      try {
        await consumer.onMessages(partition, messages);
      } catch (error) {
        mark(error);
      }
    },
    settle: () => consumer.settle().catch(mark),
  };
}

function clientOptions({ brokers, tls, sasl, clientId }: KafkaLogOptions): KafkaConfig {
  return {
    brokers: [...brokers],
    clientId,
    ssl: tls === 'off' ? false : { rejectUnauthorized: tls === 'verify' },
    ...(sasl === undefined ? {} : { sasl: sasl as SASLOptions }),
    connectionTimeout: 5_000,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // It would write to stdout; what matters comes as an error.
    logLevel: kafkajs.logLevel.NOTHING,
  };
}

/** Out of the group at once, so that the next reader need not wait for the session to end. */
async function leave(member: Consumer): Promise<void> {
  await member.disconnect().catch(() => undefined);
}

function undelivered(error: unknown, topic: string, delivered: number, batch: number): unknown {
  if (!(error instanceof MillraceError)) return error;
  return new MillraceError(error.code, `${error.message} ${delivered} messages were delivered to ${topic}; of a batch of ${batch} it is not known.`, { cause: error });
}
