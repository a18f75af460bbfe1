import { createKafkaLog } from '../../src/kafka/kafka-log.js';

/** Says whether the log of the options that are given as JSON can be read: for what a process must be started with, such as its CAs. */
const log = createKafkaLog(JSON.parse(process.argv[2]!) as Parameters<typeof createKafkaLog>[0]);
await log.check().then(
  (answer) => console.log(answer),
  (error: unknown) => console.log(String(error)),
);
