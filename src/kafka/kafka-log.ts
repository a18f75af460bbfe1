import kafkajs, { type Admin, type Consumer } from 'kafkajs';
import { MillraceError } from '../errors.js';
import { COMPRESSION_TYPES, registerCodecs } from './codecs.js';
import { openKafkaClient, type KafkaClient, type KafkaClientOptions } from './kafka-client.js';
import { coordinatorStarts, kafkaError, type Needs } from './kafka-errors.js';
import type { MessageConsumer, MessageLog } from './message-log.js';
import { newestReader } from './newest-reader.js';
import { IDLE_MS, readRanges } from './read-ranges.js';

export interface KafkaLogOptions extends KafkaClientOptions {
  /** Milliseconds without any message before a bound; default 60 000. */
  idleMs?: number;
}

/** The shortest that brokers take by default: the member of a killed worker leaves its group after this long. */
const SESSION_TIMEOUT_MS = 6_000;
const HEARTBEAT_MS = 1_500;
/** How long a broker may load its groups after its start. */
const START_TIMEOUT_MS = 30_000;
/**
 * What is fetched at a time, of all partitions together: messages that are gone before the garbage collector looks for them cost half
 * the time and no lasting memory. Larger ones are sent all the same.
 */
const FETCHED_BYTES = 512 * 1024;
const LEAST_FETCHED_BYTES = 64 * 1024;
/** A consumer that is done waits for its last poll before it leaves: kafkajs cannot cut it short. */
const LONGEST_POLL_MS = 100;

/** Kafka by kafkajs, which is unmaintained since 2023: nothing outside of this folder knows it. */
export function createKafkaLog(options: KafkaLogOptions): MessageLog {
  registerCodecs();
  const where = `kafka://${options.brokers.join(',')}`;

  const translated = async <T>(client: KafkaClient, signal: AbortSignal | undefined, needs: Needs | undefined, work: () => Promise<T>): Promise<T> => {
    try {
      signal?.throwIfAborted();
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      client.untrusted.throwIfAborted();
      throw error instanceof CallersError ? error.cause : kafkaError(error, where, needs, client.groupRefused());
    }
  };
  const withClient = <T>(signal: AbortSignal | undefined, needs: Needs | undefined, use: (client: KafkaClient) => Promise<T>): Promise<T> => {
    const client = openKafkaClient(options);
    return translated(client, signal, needs, () => use(client));
  };
  const withAdmin = <T>(client: KafkaClient, use: (admin: Admin) => Promise<T>): Promise<T> => {
    const admin = client.kafka.admin();
    const asked = async (): Promise<T> => {
      try {
        await admin.connect();
        return await use(admin);
      } finally {
        await admin.disconnect().catch(() => undefined);
      }
    };
    return client.orUntrusted(asked());
  };
  /** Asked for by a list: a question about one topic would create it where brokers do that. */
  const assertTopic = async (admin: Admin, { topic, right }: Needs): Promise<void> => {
    if ((await admin.listTopics()).includes(topic)) return;
    throw new MillraceError('SOURCE_MISSING', `${where} has no topic ${topic}, or its user may not see it. Create the topic, correct its name, or give the user ${right} on it.`);
  };

  return {
    description: where,

    bounds: (topic, { signal }) => {
      const needs: Needs = { right: 'Describe', topic };
      return withClient(signal, needs, (client) =>
        withAdmin(client, async (admin) => {
          await assertTopic(admin, needs);
          const offsets = await admin.fetchTopicOffsets(topic);
          return offsets.map(({ partition, low, high }) => ({ partition, low: Number(low), end: Number(high) })).toSorted((a, b) => a.partition - b.partition);
        }),
      );
    },

    consume: (request, consumer, { signal }) => {
      const needs: Needs = { right: 'Read', topic: request.topic, group: request.group };
      return withClient(signal, needs, async (client) => {
        await withAdmin(client, (admin) => assertTopic(admin, needs));
        const lastStart = Date.now() + START_TIMEOUT_MS;
        let over = false;
        const member = client.kafka.consumer({
          groupId: request.group,
          partitionAssigners: [newestReader(request.reader)],
          sessionTimeout: SESSION_TIMEOUT_MS,
          rebalanceTimeout: SESSION_TIMEOUT_MS,
          heartbeatInterval: HEARTBEAT_MS,
          allowAutoTopicCreation: false,
          maxWaitTimeInMs: LONGEST_POLL_MS,
          maxBytesPerPartition: Math.max(LEAST_FETCHED_BYTES, Math.floor(FETCHED_BYTES / Math.max(1, request.ranges.length))),
          // Else the step is what is tried again.
          retry: { ...client.retry, restartOnFailure: (raised) => Promise.resolve(!over && coordinatorStarts(raised) && Date.now() < lastStart) },
        });
        try {
          await member.connect();
          await member.subscribe({ topic: request.topic, fromBeginning: true });
          return await readRanges(member, request, marked(consumer), { signal: AbortSignal.any([signal, client.untrusted]), idleMs: options.idleMs ?? IDLE_MS });
        } finally {
          over = true;
          await leave(member);
        }
      });
    },

    produce: async (topic, batches, { signal, compression = 'gzip', onDelivered }) => {
      let delivered = 0;
      const client = openKafkaClient(options);
      const needs: Needs = { right: 'Write', topic };
      const producer = client.kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false, createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
      try {
        await translated(client, signal, needs, async () => {
          await withAdmin(client, (admin) => assertTopic(admin, needs));
          await producer.connect();
        });
        for (const batch of batches) {
          await translated(client, signal, needs, () => producer.send({ topic, acks: -1, compression: COMPRESSION_TYPES[compression], messages: [...batch] })).catch((error: unknown) => {
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
      withClient(undefined, { right: 'Describe', topic, group }, (client) =>
        withAdmin(client, async (admin) => {
          const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
          return (found?.partitions ?? []).map(({ partition, offset }) => ({ partition, offset: Number(offset) })).toSorted((a, b) => a.partition - b.partition);
        }),
      ),

    check: () =>
      withClient(undefined, undefined, (client) =>
        withAdmin(client, async (admin) => {
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

/** Out of the group at once, so that the next reader need not wait for the session to end. */
async function leave(member: Consumer): Promise<void> {
  await member.disconnect().catch(() => undefined);
}

function undelivered(error: unknown, topic: string, delivered: number, batch: number): unknown {
  if (!(error instanceof MillraceError)) return error;
  return new MillraceError(error.code, `${error.message} ${delivered} messages were delivered to ${topic}; of a batch of ${batch} it is not known.`, { cause: error });
}
