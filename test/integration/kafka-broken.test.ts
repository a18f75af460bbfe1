import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { generateSignups } from '../../src/demo/generate-signups.js';
import { createKafkaLog } from '../../src/kafka/kafka-log.js';
import type { MessageLog, OffsetRange } from '../../src/kafka/message-log.js';
import { findProjectRoot } from '../../src/project-root.js';
import { locateKafka, startKafka, type KafkaServer } from '../servers/kafka.js';
import { describeWithServer } from '../support/with-server.js';

const never = new AbortController().signal;

describeWithServer('reading from a Kafka that is disturbed', locateKafka, () => {
  let server: KafkaServer;
  let log: MessageLog;
  let folder: string;
  beforeAll(async () => {
    // Segments of a second and eager cleaning, so that compaction can be waited for.
    server = await startKafka({ settings: ['log.cleaner.backoff.ms=200', 'log.cleaner.min.cleanable.ratio=0.01', 'log.segment.delete.delay.ms=100'] });
    log = createKafkaLog({ brokers: [server.address], tls: 'off', clientId: 'test', maxAttempts: 20, idleMs: 60_000 });
    folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-broken-'));
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const fill = async (topic: string, count: number, partitions = 2): Promise<OffsetRange[]> => {
    await server.createTopic(topic, { partitions });
    const batches = Array.from({ length: count / 500 }, (_, batch) => Array.from({ length: 500 }, (__, index) => ({ key: `key-${index}`, value: `${batch} ${'x'.repeat(500)}` })));
    await log.produce(topic, batches, { signal: never, compression: 'none' });
    return (await log.bounds(topic, { signal: never })).map(({ partition, low, end }) => ({ partition, from: low, to: end }));
  };

  it('a broker that is killed in the middle of a batch and comes back costs no message, and doubles none', async () => {
    const ranges = await fill('killed-broker', 30_000);
    const seen = new Set<string>();
    let messages = 0;
    let disturbed: Promise<void> | undefined;
    await log.consume(
      { topic: 'killed-broker', group: 'killed-broker', ranges, reader: 1 },
      {
        async onMessages(partition, received) {
          for (const { offset } of received) seen.add(`${partition}/${offset}`);
          messages += received.length;
          disturbed ??= (async () => {
            await server.kill();
            await server.start();
          })();
          await delay(20);
        },
        settle: () => Promise.resolve(),
      },
      { signal: never },
    );
    await disturbed;
    expect({ messages, distinct: seen.size }).toEqual({ messages: 30_000, distinct: 30_000 });
    expect((await log.committed('killed-broker', 'killed-broker')).map(({ offset }) => offset)).toEqual(ranges.map(({ to }) => to));
  }, 180_000);

  it('a worker that is killed between the staged file and the commit stages the same file again, byte for byte, and then commits', async () => {
    await server.createTopic('killed-worker', { partitions: 3 });
    await log.produce('killed-worker', [[...generateSignups({ label: '2026-01-31', start: '2026-01-31T00:00:00Z', end: '2026-02-01T00:00:00Z', count: 500, malformed: 0.05 })]], { signal: never });
    const ranges = (await log.bounds('killed-worker', { signal: never })).map(({ partition, low, end }) => ({ partition, from: low, to: end }));
    const home = join(folder, 'killed-worker');
    await mkdir(home);
    const stage = async (after: 'die' | 'go-on'): Promise<NodeJS.Signals | null> => {
      const child = spawn(process.execPath, ['--import', 'tsx', join(findProjectRoot(), 'test/support/consume-and-die.ts'), server.address, home, JSON.stringify({ topic: 'killed-worker', ranges, offsets: 500, lost: 0 }), after], { stdio: ['ignore', 'inherit', 'inherit'] });
      const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
      return signal;
    };
    const stagedFiles = async (): Promise<Record<string, string>> => {
      const names = (await readdir(join(home, 'lake', 'staging'), { recursive: true })).filter((name) => name.endsWith('.csv'));
      return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(join(home, 'lake', 'staging', name), 'utf8')] as const)));
    };
    const committed = async (): Promise<number[]> => (await log.committed('millrace-kafka-signups-run', 'killed-worker')).map(({ offset }) => offset);

    expect(await stage('die')).toBe('SIGKILL');
    const first = await stagedFiles();
    expect(Object.values(first).map((text) => text.match(/@example\.com,/g)?.length)).toEqual([expect.closeTo(475, -2)]);
    expect(await committed()).toEqual([-1, -1, -1]);
    expect(await stage('go-on')).toBeNull();
    expect(await stagedFiles()).toEqual(first);
    expect(await committed()).toEqual(ranges.map(({ to }) => to));
  }, 120_000);

  it('offsets that compaction has left out are no loss', async () => {
    await server.createTopic('compacted', { config: { 'cleanup.policy': 'compact', 'segment.ms': '200', 'min.cleanable.dirty.ratio': '0.01', 'max.compaction.lag.ms': '500' } });
    const send = (key: string, value: string) => log.produce('compacted', [[{ key, value }]], { signal: never, compression: 'none' });
    for (let round = 0; round < 10; round += 1) await send('same', `round ${round}`);
    await delay(500);
    // The segment that is written to is never compacted.
    await send('other', 'last');
    const read = async (group: string): Promise<string[]> => {
      const offsets: string[] = [];
      await log.consume({ topic: 'compacted', group, ranges: [{ partition: 0, from: 0, to: 11 }], reader: 1 }, { onMessages: (_, messages) => void offsets.push(...messages.map(({ offset }) => offset)), settle: () => Promise.resolve() }, { signal: never });
      return offsets;
    };
    let round = 0;
    await expect.poll(() => read(`compacted-${(round += 1)}`), { timeout: 90_000, interval: 1000 }).toSatisfy((offsets: string[]) => offsets.length < 11);
    expect((await read('at-last')).at(-1)).toBe('10');
  }, 120_000);

  it('a consumer of another kind that wants to join the group is refused, and the reader reads on', async () => {
    const ranges = await fill('foreign', 5_000);
    const foreign = server.client.consumer({ groupId: 'foreign', retry: { retries: 0 } });
    await foreign.connect();
    await foreign.subscribe({ topic: 'foreign' });
    let joined: Promise<string> | undefined;
    let messages = 0;
    await log.consume(
      { topic: 'foreign', group: 'foreign', ranges, reader: 1 },
      {
        onMessages(_, received) {
          messages += received.length;
          joined ??= new Promise((resolve) => {
            foreign.on(foreign.events.CRASH, ({ payload }) => resolve((payload.error as { type?: string }).type ?? payload.error.message));
            foreign.run({ eachMessage: () => Promise.resolve() }).catch((error: Error) => resolve(error.message));
          });
        },
        async settle() {
          expect(await joined).toMatch(/INCONSISTENT_GROUP_PROTOCOL|inconsistent/i);
        },
      },
      { signal: never },
    );
    await foreign.disconnect();
    expect(messages).toBe(5_000);
  }, 60_000);

  it('messages that expire while they wait to be read stop the reader', async () => {
    const ranges = await fill('expiring', 20_000, 1);
    let deleted: Promise<void> | undefined;
    const reading = log.consume(
      { topic: 'expiring', group: 'expiring', ranges: [{ ...ranges[0]!, to: ranges[0]!.to + 1 }], reader: 1 },
      {
        async onMessages() {
          deleted ??= (async () => {
            await server.admin.fetchTopicOffsets('expiring');
            await server.admin.deleteTopicRecords({ topic: 'expiring', partitions: [{ partition: 0, offset: '19999' }] });
          })();
          await deleted;
        },
        settle: () => Promise.resolve(),
      },
      { signal: never },
    );
    await expect(reading).rejects.toMatchObject({ code: 'OFFSETS_EXPIRED' });
  }, 60_000);

  it('a transaction that stays open is waited for, and then named', async () => {
    await server.createTopic('open');
    const producer = server.client.producer({ transactionalId: 'open', idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic: 'open', messages: [{ value: 'x' }] });
    const impatient = createKafkaLog({ brokers: [server.address], tls: 'off', clientId: 'test', idleMs: 4_000 });
    const read = (reader: MessageLog, group: string) => reader.consume({ topic: 'open', group, ranges: [{ partition: 0, from: 0, to: 1 }], reader: 1 }, { onMessages: () => {}, settle: () => Promise.resolve('read') }, { signal: never });
    await expect(read(impatient, 'impatient')).rejects.toMatchObject({ code: 'SOURCE_INCOMPLETE', retryable: true, message: expect.stringContaining('partition 0 at 0 of 1') as string });
    await transaction.commit();
    await producer.disconnect();
    expect(await read(log, 'patient')).toBe('read');
  }, 60_000);
});
