import { MockActivityEnvironment } from '@temporalio/testing';
import { createConsumeAndStage } from '../../activities/kafka-signups/consume-and-stage.js';
import type { Batch } from '../../activities/kafka-signups/fix-bounds.js';
import { createKafkaLog } from '../../src/kafka/kafka-log.js';
import { createLocalDirectoryStore } from '../../src/object-store/local-directory.js';
import { dependenciesOf } from './activity-dependencies.js';

/** Runs the step `consumeAndStage` in this process, which with `die` kills itself once the file is staged and before anything is committed. */
const [address, home, batch, after] = process.argv.slice(2) as [string, string, string, 'die' | 'go-on'];
const log = createKafkaLog({ brokers: [address], tls: 'off', clientId: 'test' });
const lake = createLocalDirectoryStore({ root: `${home}/lake` });
const interval = { pipeline: 'kafka-signups', label: '2026-01-31', start: '2026-01-31T00:00:00.000Z', end: '2026-02-01T00:00:00.000Z', run: 'run', generation: 1 };
const consumeAndStage = createConsumeAndStage(
  dependenciesOf({
    lake: () => lake,
    messages: () => ({
      ...log,
      consume: (request, consumer, options) =>
        log.consume(
          { ...request, reader: Date.now() },
          {
            onMessages: (partition, messages) => consumer.onMessages(partition, messages),
            async settle() {
              const staged = await consumer.settle();
              if (after === 'die') process.kill(process.pid, 'SIGKILL');
              return staged;
            },
          },
          options,
        ),
    }),
    limits: { memoryLimit: '512MB', threads: 1, scratchDir: `${home}/scratch` },
  }),
);
await new MockActivityEnvironment().run(consumeAndStage, JSON.parse(batch) as Batch, false, interval);
