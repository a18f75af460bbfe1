import kafkajs from 'kafkajs';

/** For a broker of our own, in demonstrations: pipelines never create topics. Nothing happens when it is there. */
export async function createTopic(broker: string, topic: string, partitions: number): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers: [broker], clientId: 'millrace', logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    if (!(await admin.listTopics()).includes(topic)) await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }] });
  } finally {
    await admin.disconnect();
  }
}
