import { describe, expect, it } from 'vitest';
import type { Compression, IncomingMessage, MessageLog, OffsetRange } from '../../src/kafka/message-log.js';

export interface MessageLogWorld {
  log: MessageLog;
  createTopic(topic: string, options?: { partitions?: number; config?: Record<string, string> }): Promise<void>;
  /** Messages in one transaction, which is committed or aborted. */
  transact(topic: string, values: readonly string[], ending: 'commit' | 'abort'): Promise<void>;
  /** Deletes what lies before the offset, as retention does. */
  expire(topic: string, partition: number, before: number): Promise<void>;
}

let names = 0;
/** A topic of its own for every test. */
const newTopic = (): string => `topic-${(names += 1)}`;
const never = new AbortController().signal;

/** What every message log does. */
export function messageLogContract(world: () => MessageLogWorld): void {
  const log = (): MessageLog => world().log;

  const send = (topic: string, values: readonly (string | null)[], options: { compression?: Compression; headers?: Record<string, string> } = {}) =>
    log().produce(topic, [values.map((value, index) => ({ key: `key-${index}`, value, ...(options.headers === undefined ? {} : { headers: options.headers }) }))], { signal: never, compression: options.compression ?? 'none' });

  const rangesOf = async (topic: string): Promise<OffsetRange[]> => (await log().bounds(topic, { signal: never })).map(({ partition, low, end }) => ({ partition, from: low, to: end }));

  const read = async (topic: string, { group = `group-of-${topic}`, ranges, reader = 1, signal = never }: { group?: string; ranges?: OffsetRange[]; reader?: number; signal?: AbortSignal } = {}) => {
    const seen: (IncomingMessage & { partition: number })[] = [];
    const onMessages = (partition: number, messages: readonly IncomingMessage[]): void => void seen.push(...messages.map((message) => ({ ...message, partition })));
    await log().consume({ topic, group, ranges: ranges ?? (await rangesOf(topic)), reader }, { onMessages, settle: () => Promise.resolve() }, { signal });
    return seen;
  };
  const texts = (messages: readonly IncomingMessage[]): (string | undefined)[] => messages.map(({ value }) => value?.toString());

  it('reads what was produced, with key, headers and timestamp, in the order of each partition', async () => {
    const topic = newTopic();
    await world().createTopic(topic, { partitions: 3 });
    const values = Array.from({ length: 300 }, (_, index) => `value ${index}`);
    await send(topic, values, { headers: { origin: 'test' } });
    const seen = await read(topic);
    expect(new Set(texts(seen))).toEqual(new Set(values));
    expect(seen).toHaveLength(values.length);
    for (const partition of [0, 1, 2]) {
      const offsets = seen.filter((message) => message.partition === partition).map(({ offset }) => Number(offset));
      expect(offsets).toEqual(offsets.map((_, index) => index));
      expect(offsets.length).toBeGreaterThan(50);
    }
    expect(seen[0]!.key?.toString()).toMatch(/^key-/);
    expect(seen[0]!.headers?.['origin']?.toString()).toBe('test');
    expect(Math.abs(Number(seen[0]!.timestamp) - Date.now())).toBeLessThan(600_000);
  });

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('takes back what it has compressed by %s', async (compression) => {
    const topic = newTopic();
    await world().createTopic(topic);
    const values = Array.from({ length: 2000 }, (_, index) => `value ${index} ${'ä "x", \n'.repeat(20)}`);
    await send(topic, values, { compression });
    expect(texts(await read(topic))).toEqual(values);
  });

  it('gives empty values and tombstones as they are', async () => {
    const topic = newTopic();
    await world().createTopic(topic);
    await send(topic, ['', null, 'x']);
    expect((await read(topic)).map(({ value }) => value)).toEqual([Buffer.alloc(0), null, Buffer.from('x')]);
  });

  it('reads exactly the ranges, also where they begin and end inside of a batch', async () => {
    const topic = newTopic();
    await world().createTopic(topic);
    await send(topic, Array.from({ length: 100 }, (_, index) => String(index)));
    expect(texts(await read(topic, { ranges: [{ partition: 0, from: 40, to: 43 }] }))).toEqual(['40', '41', '42']);
  });

  it('reads messages that are larger than what is fetched of a partition at a time', async () => {
    const topic = newTopic();
    await world().createTopic(topic, { partitions: 3 });
    const values = Array.from({ length: 12 }, (_, index) => `${index} ${'x'.repeat(800_000)}`);
    await log().produce(topic, values.map((value, index) => [{ key: `key-${index}`, value }]), { signal: never, compression: 'none' });
    const seen = texts(await read(topic));
    expect(seen).toHaveLength(values.length);
    expect(new Set(seen)).toEqual(new Set(values));
  });

  it('settles at once where nothing is to be read', async () => {
    const topic = newTopic();
    await world().createTopic(topic, { partitions: 2 });
    expect(await read(topic)).toEqual([]);
  });

  it('skips aborted transactions and the marks of committed ones, also at the end of a range', async () => {
    const topic = newTopic();
    await world().createTopic(topic);
    await send(topic, ['before']);
    await world().transact(topic, ['lost 1', 'lost 2'], 'abort');
    await world().transact(topic, ['kept'], 'commit');
    const ranges = await rangesOf(topic);
    expect(ranges).toEqual([{ partition: 0, from: 0, to: 6 }]);
    expect(texts(await read(topic, { ranges }))).toEqual(['before', 'kept']);
    expect(texts(await read(topic, { ranges: [{ partition: 0, from: 1, to: 4 }], group: 'aborted-only' }))).toEqual([]);
  });

  it('commits the end of each range, and only after settling', async () => {
    const topic = newTopic();
    const group = `group-of-${topic}`;
    await world().createTopic(topic);
    await send(topic, ['a', 'b', 'c']);
    const committed = async (): Promise<number | undefined> => (await log().committed(group, topic))[0]?.offset;
    let before: number | undefined;
    const answer = await log().consume(
      { topic, group, ranges: await rangesOf(topic), reader: 1 },
      {
        onMessages: () => {},
        async settle() {
          before = await committed();
          return 'durable';
        },
      },
      { signal: never },
    );
    expect({ answer, before, after: await committed() }).toEqual({ answer: 'durable', before: -1, after: 3 });
  });

  it('commits nothing when settling fails, or a message cannot be handled', async () => {
    const topic = newTopic();
    await world().createTopic(topic);
    await send(topic, ['a']);
    const request = { topic, group: `group-of-${topic}`, ranges: await rangesOf(topic), reader: 1 };
    const full = new Error('the disk is full');
    await expect(log().consume(request, { onMessages: () => {}, settle: () => Promise.reject(full) }, { signal: never })).rejects.toThrow(/the disk is full/);
    await expect(log().consume(request, { onMessages: () => Promise.reject(full), settle: () => Promise.resolve() }, { signal: never })).rejects.toThrow(/the disk is full/);
    expect((await log().committed(request.group, topic))[0]?.offset).toBe(-1);
  });

  it('refuses to go on elsewhere when the offset has expired', async () => {
    const topic = newTopic();
    await world().createTopic(topic);
    await send(topic, ['a', 'b', 'c', 'd']);
    await world().expire(topic, 0, 2);
    expect(await log().bounds(topic, { signal: never })).toEqual([{ partition: 0, low: 2, end: 4 }]);
    await expect(read(topic, { ranges: [{ partition: 0, from: 0, to: 4 }] })).rejects.toMatchObject({ code: 'OFFSETS_EXPIRED', retryable: false, message: expect.stringContaining(`Offset 0 of ${topic}, partition 0`) as string });
  });

  it('lets the newest reader of a group read on, and stops the older one without a commit', async () => {
    const topic = newTopic();
    const group = `group-of-${topic}`;
    await world().createTopic(topic, { partitions: 2 });
    await send(topic, Array.from({ length: 20 }, (_, index) => String(index)));
    const ranges = await rangesOf(topic);
    let arrived = (): void => {};
    const inside = new Promise<void>((resolve) => (arrived = resolve));
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const older = log().consume(
      { topic, group, ranges: ranges.map((range) => ({ ...range, to: range.to + 1 })), reader: 1 },
      { onMessages: () => arrived(), settle: () => Promise.resolve('older') },
      { signal: never },
    );
    const stopped = older.catch((error: unknown) => error);
    await inside;
    const newer = log().consume({ topic, group, ranges, reader: 2 }, { onMessages: () => {}, settle: async () => { await held; return 'newer'; } }, { signal: never });
    expect(await stopped).toMatchObject({ code: 'READER_REPLACED', retryable: true });
    release();
    expect(await newer).toBe('newer');
    expect((await log().committed(group, topic)).map(({ offset }) => offset)).toEqual(ranges.map(({ to }) => to));
  });

  it('stops when it is told to, and commits nothing', async () => {
    const topic = newTopic();
    await world().createTopic(topic);
    await send(topic, ['a']);
    const stop = new AbortController();
    const reason = new Error('cancelled');
    const reading = log().consume({ topic, group: `group-of-${topic}`, ranges: [{ partition: 0, from: 0, to: 2 }], reader: 1 }, { onMessages: () => stop.abort(reason), settle: () => Promise.resolve() }, { signal: stop.signal });
    await expect(reading).rejects.toBe(reason);
    expect((await log().committed(`group-of-${topic}`, topic))[0]?.offset).toBe(-1);
  });

  describe('says what is wrong', () => {
    it('with a topic that is not there, and does not create it', async () => {
      const missing = { code: 'SOURCE_MISSING', retryable: false, message: expect.stringContaining('no topic not-there') as string };
      await expect(log().bounds('not-there', { signal: never })).rejects.toMatchObject(missing);
      await expect(read('not-there', { ranges: [{ partition: 0, from: 0, to: 1 }] })).rejects.toMatchObject(missing);
      await expect(send('not-there', ['x'])).rejects.toMatchObject(missing);
    });

    it('with a message that is too large, and how many were delivered', async () => {
      const topic = newTopic();
      await world().createTopic(topic, { config: { 'max.message.bytes': '2000' } });
      const batches = [[{ key: 'a', value: 'small' }], [{ key: 'b', value: 'x'.repeat(5000) }]];
      await expect(log().produce(topic, batches, { signal: never, compression: 'none' })).rejects.toMatchObject({ code: 'SOURCE_REJECTED', retryable: false, message: expect.stringContaining('1 messages were delivered') as string });
    });
  });

  it('says that it can be read', async () => {
    expect(await log().check()).toContain(log().description);
  });
}
