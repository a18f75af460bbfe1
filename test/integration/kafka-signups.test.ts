import { type ApplicationFailure, type WorkflowFailedError } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { generateSignups, SPOILED } from '../../src/demo/generate-signups.js';
import type { KillReport } from '../../src/verify/verify-report.js';
import type { KafkaSignupsParams, KafkaSignupsResult } from '../../workflows/kafka-signups.js';
import { locateKafka, type KafkaServer } from '../servers/kafka.js';
import { locateTemporal } from '../servers/temporal.js';
import { millrace } from '../support/millrace-command.js';
import { historyText, type PipelineStack } from '../support/pipeline-stack.js';
import { startSignupsStack, type SignupsStack } from '../support/signups-stack.js';
import { describeWithServer } from '../support/with-server.js';

const DATE = '2026-01-31';
const DAY = { label: DATE, start: '2026-01-31T00:00:00.000Z', end: '2026-02-01T00:00:00.000Z' };
const locateBoth = (): void => {
  locateTemporal();
  locateKafka();
};

describeWithServer('kafka-signups', locateBoth, () => {
  let signups: SignupsStack;
  let kafka: KafkaServer;
  let stack: PipelineStack;

  beforeAll(async () => {
    signups = await startSignupsStack();
    ({ kafka, stack } = signups);
  }, 120_000);
  afterAll(() => signups?.stop());

  /** A topic, a warehouse and a task queue with a worker of its own. */
  const place = async (options: { partitions?: number; config?: Record<string, string> } = {}) => {
    const { topic, adapters } = await signups.open(options);
    let runs = 0;
    return {
      topic,
      adapters,
      id: () => `${topic}-${runs}`,
      run: (params: KafkaSignupsParams = {}) =>
        stack.client.workflow.execute<(params: KafkaSignupsParams) => Promise<KafkaSignupsResult>>('kafkaSignups', { taskQueue: topic, workflowId: `${topic}-${(runs += 1)}`, args: [{ date: DATE, topic, ...params }] }),
      rows: async (sql: string) => (await adapters.warehouse().query(sql)).rows.map((row) => [...row]),
    };
  };
  const failureOf = async (run: Promise<unknown>): Promise<string> => {
    const error = await run.then(() => undefined, (failed: unknown) => failed);
    const cause = (error as WorkflowFailedError).cause?.cause as ApplicationFailure;
    return `${cause.type}: ${cause.message}`;
  };
  /** How often each activity of a run was tried: a history tells of the last attempt alone. */
  const attempts = async (workflowId: string): Promise<Record<string, number>> => {
    const { events } = await stack.client.workflow.getHandle(workflowId).fetchHistory();
    const types = new Map((events ?? []).map(({ eventId, activityTaskScheduledEventAttributes }) => [String(eventId), activityTaskScheduledEventAttributes?.activityType?.name ?? '']));
    const started = (events ?? []).flatMap(({ activityTaskStartedEventAttributes: attributes }) => attributes ?? []);
    return Object.fromEntries(started.map(({ scheduledEventId, attempt }) => [types.get(String(scheduledEventId)) ?? '', attempt ?? 0]));
  };

  it('publishes what was produced, sets the malformed messages aside, and accounts for every one', async () => {
    const { topic, adapters, run, rows, id } = await place();
    const result = await run({ produce: 3000, malformed: 0.05 });

    expect(result).toMatchObject({ produced: 3000, read: 3000, gaps: 0, lag: 0, duplicates: 0 });
    expect(result.staged + result.quarantined).toBe(3000);
    expect(result.published).toBe(result.staged);
    expect(result.quarantined).toBeGreaterThan(90);
    expect(Object.keys(result.reasons).length).toBeGreaterThanOrEqual(SPOILED.length - 3);
    expect(result.quarantine?.rows).toBe(result.quarantined);

    // What came out is what went in, with quotes, line breaks, BOM, emoji, empty texts and nulls.
    const good = [...generateSignups({ ...DAY, count: 3000, malformed: 0.05 })].flatMap(({ value }) => {
      try {
        const event = JSON.parse(String(value)) as Record<string, string | null>;
        return typeof event['event_id'] === 'string' ? [event] : [];
      } catch {
        return [];
      }
    });
    const wanted = new Map(good.map((event) => [event['event_id'], event]));
    const published = await rows('SELECT event_id, full_name, referrer, email, signed_up_at FROM user_signups');
    expect(published).toHaveLength(result.published);
    for (const [event, name, referrer, email, at] of published) {
      const { full_name, referrer: from, email: address, signed_up_at } = wanted.get(String(event))!;
      expect({ name, referrer, email, at: Date.parse(String(at)) }).toEqual({ name: full_name, referrer: from, email: address, at: Date.parse(signed_up_at!) });
    }
    const hard = await rows(`SELECT count(*) FILTER (WHERE contains(full_name, chr(10))), count(*) FILTER (WHERE starts_with(full_name, chr(65279))), count(*) FILTER (WHERE referrer = ''), count(*) FILTER (WHERE referrer IS NULL), count(*) FILTER (WHERE contains(full_name, '"')) FROM user_signups`);
    expect(hard[0]!.every((count) => Number(count) > 50)).toBe(true);

    const loaded = await rows('SELECT topic_partition, next_offset FROM millrace_offsets ORDER BY 1');
    expect(loaded.map(([partition, next]) => ({ partition, next: Number(next) }))).toEqual(result.ranges.map(({ partition, to }) => ({ partition, next: to })));
    const committed = await adapters.messages().committed(`millrace-kafka-signups-${result.interval.run}`, topic);
    expect(committed).toEqual(result.ranges.map(({ partition, to }) => ({ partition, offset: to })));
    const left = [];
    for await (const { key } of adapters.lake().list('staging/kafka-signups/')) left.push(key);
    expect(left).toEqual([]);
    expect(await historyText(stack.client, id())).not.toContain('Lovelace');
  }, 120_000);

  it('the second run of an interval takes only what has come since, and an event that comes again stays one row', async () => {
    const { run, rows } = await place();
    const first = await run({ produce: 500 });
    const again = await run({ produce: 600 });
    expect(again).toMatchObject({ read: 600, published: 600, ranges: first.ranges.map(({ partition, to }) => expect.objectContaining({ partition, from: to }) as unknown) });
    expect(await run({ allowEmpty: true })).toMatchObject({ read: 0, published: 0 });
    // The generator’s times depend on the count; its ids do not.
    expect(await rows('SELECT count(*), count(DISTINCT event_id) FROM user_signups')).toEqual([['600', '600']]);
  }, 120_000);

  it('a run reads what had come when its bounds were fixed, however much comes before it reads', async () => {
    const { topic, run, rows } = await place();
    await stack.gate.set(`hold-${topic}-1-consumeAndStage`);
    const first = run({ produce: 300 });
    await stack.gate.seen(`held-${topic}-1-consumeAndStage`);
    const producer = kafka.client.producer();
    await producer.connect();
    await producer.send({ topic, messages: [...generateSignups({ ...DAY, label: 'later', count: 20, malformed: 0 })] });
    await producer.disconnect();
    await stack.gate.clear(`hold-${topic}-1-consumeAndStage`);
    expect(await first).toMatchObject({ read: 300, published: 300, lag: 20 });
    expect(await rows('SELECT count(*) FROM user_signups')).toEqual([['300']]);
    expect(await run()).toMatchObject({ read: 20, published: 20, lag: 0 });
  }, 120_000);

  it('fails at once and in words where nobody can help but a person', async () => {
    const { topic, run } = await place();
    expect(await failureOf(run())).toContain('SOURCE_EMPTY');
    const failure = await failureOf(run({ topic: 'not-there' }));
    expect(failure).toContain('SOURCE_MISSING');
    expect(failure).toContain('no topic not-there');
    expect(await attempts(`${topic}-2`)).toEqual({ fixBounds: 1, removeSignupStaging: 1 });
  }, 120_000);

  it.each([
    { what: 'not set', uri: '', code: 'CONNECTION_MISSING', says: 'is not set' },
    { what: 'malformed', uri: 'kafka://127.0.0.1:9092?sasl=kerberos', code: 'CONNECTION_MALFORMED', says: 'sasl' },
  ])('fails at once where its connection is $what, and names what to set', async ({ uri, code, says }) => {
    const taskQueue = code.toLowerCase();
    await stack.worker(taskQueue, { KAFKA_DEFAULT: uri, WAREHOUSE: `duckdb://${stack.home}/${taskQueue}.duckdb` });
    const failure = await failureOf(stack.client.workflow.execute('kafkaSignups', { taskQueue, workflowId: taskQueue, args: [{ date: DATE }] }));
    expect(failure).toContain(`${code}: MILLRACE_CONN_KAFKA_DEFAULT (`);
    expect(failure).toContain(says);
    expect(failure).toContain('for example MILLRACE_CONN_KAFKA_DEFAULT=kafka://');
    expect(await attempts(taskQueue)).toEqual({ fixBounds: 1, removeSignupStaging: 1 });
  }, 120_000);

  it('publishes nothing when most messages are malformed, and reads them again once that is allowed', async () => {
    const { run, adapters } = await place();
    expect(await failureOf(run({ produce: 200, malformed: 0.9 }))).toContain('CHECK_FAILED');
    expect(await adapters.warehouse().describe('user_signups')).toBeUndefined();
    expect(await run({ maxMalformed: 1 })).toMatchObject({ read: 200 });
  }, 120_000);

  it('never skips messages that have expired, unless it is told to', async () => {
    const { topic, run } = await place({ partitions: 1 });
    await run({ produce: 100 });
    const [end] = await kafka.admin.fetchTopicOffsets(topic);
    const producer = kafka.client.producer();
    await producer.connect();
    await producer.send({ topic, messages: [...generateSignups({ ...DAY, label: 'later', count: 10, malformed: 0 })] });
    await producer.disconnect();
    await kafka.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(Number(end!.high) + 4) }] });
    expect(await failureOf(run())).toContain('OFFSETS_EXPIRED');
    expect(await run({ skipExpired: true })).toMatchObject({ read: 6, published: 6 });
  }, 120_000);

  it.each(['consumeAndStage.end', 'loadSignups.end'])(
    'a worker that is killed with SIGKILL at %s leaves the same table, and every message once',
    async (kill) => {
      const { topic, run, rows } = await place();
      await stack.gate.set(`kill-${topic}-1-${kill}`);
      const result = await run({ produce: 2000, malformed: 0.05 });
      expect(await stack.gate.all()).toContain(`killed-${topic}-1-${kill}`);
      expect(result.read).toBe(result.staged + result.quarantined);
      expect(await rows('SELECT count(*), count(DISTINCT event_id), sum(hash(t)) FROM user_signups AS t')).toEqual(await undisturbed());
    },
    180_000,
  );

  it('millrace verify kills the worker in every step, and finds the same table', async () => {
    await kafka.createTopic('verified', { partitions: 3 });
    const { code, stdout } = await millrace(['verify', 'kafka-signups', '--date', DATE, '--param', 'topic="verified"', '--param', 'produce=500', '--param', 'malformed=0.05', '--json', '--parallel', '3'], {
      MILLRACE_CONN_KAFKA_DEFAULT: `kafka://${kafka.address}`,
      TEMPORAL_ADDRESS: stack.temporal.address,
      TEMPORAL_NAMESPACE: stack.temporal.namespace,
      MILLRACE_HOME: stack.home,
    });
    const { kills, tables } = JSON.parse(stdout) as { kills: KillReport[]; tables: Record<string, { rows: number }> };
    const everywhere = ['produceSignups', 'fixBounds', 'consumeAndStage', 'loadSignups', 'removeSignupStaging'].flatMap((step) => ['start', 'middle', 'end'].map((place) => `${step} ${place}`));
    expect(kills.map(({ step, place }) => `${step} ${place}`).toSorted()).toEqual(everywhere.toSorted());
    // A step may be over before it can be killed in its middle.
    expect(kills.filter(({ outcome, place }) => outcome !== 'same' && !(outcome === 'unreached' && place === 'middle'))).toEqual([]);
    expect(code).toBe(0);
    expect(tables['user_signups']!.rows).toBeGreaterThan(450);
  }, 400_000);

  let calm: Promise<unknown[][]> | undefined;
  const undisturbed = (): Promise<unknown[][]> =>
    (calm ??= (async () => {
      const { run, rows } = await place();
      await run({ produce: 2000, malformed: 0.05 });
      return rows('SELECT count(*), count(DISTINCT event_id), sum(hash(t)) FROM user_signups AS t');
    })());
});
