import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKafkaLog } from '../../src/kafka/kafka-log.js';
import type { MessageLog } from '../../src/kafka/message-log.js';
import { locateKafka, startKafka, type KafkaServer } from '../servers/kafka.js';
import { freePort } from '../servers/server-process.js';
import { describeWithServer } from '../support/with-server.js';
import { messageLogContract } from './message-log.contract.js';

describeWithServer('Kafka, by kafkajs', locateKafka, () => {
  let server: KafkaServer;
  let log: MessageLog;
  beforeAll(async () => {
    server = await startKafka();
    log = createKafkaLog({ brokers: [server.address], tls: 'off', clientId: 'test', idleMs: 15_000 });
  }, 120_000);
  afterAll(() => server?.stop());

  messageLogContract(() => ({
    log,
    createTopic: (...topic) => server.createTopic(...topic),
    async transact(topic, values, ending) {
      const producer = server.client.producer({ transactionalId: `transaction-${topic}`, idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: values.map((value) => ({ value })) });
      await transaction[ending]();
      await producer.disconnect();
    },
    async expire(topic, partition, before) {
      // It looks for the leader before it has loaded the topic.
      await server.admin.fetchTopicOffsets(topic);
      await server.admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(before) }] });
    },
  }));

  describe('and what only Kafka does', () => {
    it('a broker that cannot be reached is tried again, and then named', async () => {
      const address = `127.0.0.1:${await freePort()}`;
      const nobody = createKafkaLog({ brokers: [address], tls: 'off', clientId: 'test', maxAttempts: 2 });
      await expect(nobody.bounds('topic', { signal: new AbortController().signal })).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryable: true, message: expect.stringContaining(address) as string });
    });
  });
});
