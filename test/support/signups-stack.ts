import { startKafka, type KafkaServer } from '../servers/kafka.js';
import { startPipelineStack, type PipelineStack } from './pipeline-stack.js';

/** A broker beside a pipeline stack. */
export interface SignupsStack {
  kafka: KafkaServer;
  stack: PipelineStack;
  /** A topic, a warehouse, and a worker of its own whose task queue has the topic's name; `settings` are the worker's, `config` the topic's. */
  open(options: { partitions?: number; config?: Record<string, string>; settings?: Record<string, string> }): Promise<{ topic: string; adapters: ReturnType<PipelineStack['adapters']> }>;
  stop(): Promise<void>;
}

export async function startSignupsStack(): Promise<SignupsStack> {
  const [kafka, stack] = await Promise.all([startKafka(), startPipelineStack({ preload: [] })]);
  let topics = 0;
  return {
    kafka,
    stack,
    async open({ partitions = 3, config = {}, settings = {} }) {
      const topic = `signups-${(topics += 1)}`;
      await kafka.createTopic(topic, { partitions, config });
      const connections = { KAFKA_DEFAULT: `kafka://${kafka.address}`, WAREHOUSE: `duckdb://${stack.home}/${topic}.duckdb` };
      await stack.worker(topic, connections, stack.temporal, settings);
      return { topic, adapters: stack.adapters(connections) };
    },
    async stop() {
      await stack.stop();
      await kafka.stop();
    },
  };
}
