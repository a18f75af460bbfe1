import { randomUUID } from 'node:crypto';
import type { ApplicationFailure, WorkflowFailedError, WorkflowHandle, WorkflowUpdateFailedError } from '@temporalio/client';
import { simpleParser } from 'mailparser';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { generateSignups } from '../../src/demo/generate-signups.js';
import { DRAIN_UPDATE, STREAM_QUERY, type StreamProgress } from '../../src/durable/stream.js';
import type { OutgoingMessage } from '../../src/kafka/message-log.js';
import { OPERATOR_UPDATES, STEPS_QUERY, type StepsAnswer } from '../../src/steps/operator-protocol.js';
import { gateFiles } from '../../src/verify/gate-files.js';
import type { kafkaSignups } from '../../workflows/kafka-signups.js';
import type { kafkaSignupsStream, KafkaSignupsStreamParams, KafkaSignupsStreamResult } from '../../workflows/kafka-signups-stream.js';
import { locateKafka, type KafkaServer } from '../servers/kafka.js';
import { freePort } from '../servers/server-process.js';
import { locateTemporal } from '../servers/temporal.js';
import { millrace } from '../support/millrace-command.js';
import type { PipelineStack } from '../support/pipeline-stack.js';
import { startSignupsStack, type SignupsStack } from '../support/signups-stack.js';
import { describeWithServer } from '../support/with-server.js';

const ANNA = { by: 'anna' };
const WAIT = { timeout: 90_000, interval: 100 };
const never = new AbortController().signal;

describeWithServer('kafka-signups-stream', () => [locateTemporal(), locateKafka()], () => {
  let signups: SignupsStack;
  let kafka: KafkaServer;
  let stack: PipelineStack;

  beforeAll(async () => {
    signups = await startSignupsStack();
    ({ kafka, stack } = signups);
  }, 120_000);
  afterAll(() => signups?.stop());

  /** A topic, a warehouse and a worker of its own, and a stream that reads and fills them. */
  const place = async (options: { partitions?: number; settings?: Record<string, string> } = {}) => {
    const { topic, adapters } = await signups.open(options);
    let filled = 0;
    return {
      topic,
      adapters,
      /** Good events, each with an id of its own; and as many malformed ones as asked for. */
      fill: async (good: number, bad = 0): Promise<void> => {
        const events = [...generateSignups({ label: `${topic}-${(filled += 1)}`, start: '2026-01-31T00:00:00Z', end: '2026-02-01T00:00:00Z', count: Math.max(1, good), malformed: 0 })].slice(0, good);
        const messages: OutgoingMessage[] = [...events, ...Array.from({ length: bad }, () => ({ key: randomUUID(), value: 'no json' }))];
        await adapters.messages().produce(topic, [messages], { signal: never });
      },
      start: (params: KafkaSignupsStreamParams = {}, memo: object = {}): Promise<WorkflowHandle<typeof kafkaSignupsStream>> =>
        stack.client.workflow.start<typeof kafkaSignupsStream>('kafkaSignupsStream', { taskQueue: topic, workflowId: topic, args: [{ topic, seconds: 1, ...params }], memo: { millrace: memo } }),
      rows: async (sql: string) => (await adapters.warehouse().query(sql)).rows.map((row) => row.map(String)),
    };
  };
  const cli = (...args: string[]) => millrace(args, { TEMPORAL_ADDRESS: stack.temporal.address, TEMPORAL_NAMESPACE: stack.temporal.namespace });
  const progress = (stream: WorkflowHandle): Promise<StreamProgress> => stack.client.workflow.getHandle(stream.workflowId).query<StreamProgress>(STREAM_QUERY);
  const steps = (stream: WorkflowHandle): Promise<StepsAnswer> => stack.client.workflow.getHandle(stream.workflowId).query<StepsAnswer>(STEPS_QUERY);
  const drained = async (stream: WorkflowHandle): Promise<KafkaSignupsStreamResult> => {
    const newest = stack.client.workflow.getHandle<typeof kafkaSignupsStream>(stream.workflowId);
    await newest.executeUpdate(DRAIN_UPDATE, { args: [ANNA] });
    return newest.result();
  };

  it('loads batch after batch as messages come, and drains to what is there', async () => {
    const { topic, fill, start, rows, adapters } = await place();
    await fill(300, 10);
    const stream = await start();
    await expect.poll(async () => (await progress(stream)).read, WAIT).toBe(310);
    await fill(200);
    await expect.poll(async () => (await progress(stream)).read, WAIT).toBe(510);
    await fill(50);
    const result = await drained(stream);
    expect(result).toMatchObject({ read: 560, staged: 550, quarantined: 10, reasons: { not_json: 10 }, published: 550, duplicates: 0, lag: 0, outrun: 0 });
    expect(result.batches).toBeGreaterThanOrEqual(3);
    expect(await rows('SELECT count(*), count(DISTINCT event_id) FROM user_signups')).toEqual([['550', '550']]);
    expect((await rows('SELECT sum(next_offset) FROM millrace_offsets'))[0]).toEqual(['560']);
    // Only the first batch had something to set aside.
    const quarantines = [];
    for await (const { key } of adapters.lake().list('quarantine/kafka-signups-stream/')) if (key.endsWith(`/${topic}.parquet`)) quarantines.push(key);
    expect(quarantines).toHaveLength(1);
  }, 120_000);

  it('costs an idle topic no history, however often it looks', async () => {
    const { fill, start } = await place();
    await fill(10);
    const stream = await start();
    await expect.poll(async () => (await progress(stream)).read, WAIT).toBe(10);
    const looks = async (): Promise<number> => (await stream.describe()).raw.pendingActivities?.find(({ activityId }) => activityId === 'awaitSignups')?.attempt ?? 0;
    await expect.poll(looks, WAIT).toBeGreaterThan(1);
    const { historyLength } = await stream.describe();
    await expect.poll(looks, WAIT).toBeGreaterThan(4);
    expect((await stream.describe()).historyLength).toBe(historyLength);
    // Nor does it wait for the next look when it is drained.
    expect(await drained(stream)).toMatchObject({ batches: 1, read: 10 });
  }, 120_000);

  it('continues as new before its history is long, with its counts, its options and its pause', async () => {
    const { topic, fill, start, rows, adapters } = await place();
    await fill(400);
    const hold = gateFiles.hold(topic, 'batch[2].removeSignupStaging');
    await stack.gate.set(hold);
    const stream = await start({ messages: 100, rounds: 2 }, { onStepFailure: 'hold' });
    const watching = cli('watch', topic, '--json');
    await stack.gate.seen(gateFiles.held(topic, 'batch[2].removeSignupStaging'));
    // The last step of this execution runs: what is ordered now is for the next one.
    await stream.executeUpdate(OPERATOR_UPDATES.pause, { args: [{ ...ANNA, why: 'warehouse is moved' }] });
    const first = (await steps(stream)).steps;
    await stack.gate.clear(hold);
    await expect.poll(async () => (await steps(stream)).steps.map(({ id, state }) => `${id} ${state}`), WAIT).toEqual(['batch[3].fixBounds waiting']);
    expect(await steps(stream)).toMatchObject({ state: 'paused', paused: { by: 'anna', why: 'warehouse is moved' } });
    expect(await progress(stream)).toMatchObject({ batches: 2, read: 200 });
    expect(await rows('SELECT count(*) FROM user_signups')).toEqual([['200']]);

    const newest = stack.client.workflow.getHandle(stream.workflowId);
    expect(first.map(({ id }) => id)).toContain('batch[2].removeSignupStaging');
    expect((await newest.describe()).memo).toMatchObject({ millrace: { onStepFailure: 'hold' } });
    await newest.executeUpdate(OPERATOR_UPDATES.resume, { args: [ANNA] });
    await expect.poll(async () => (await progress(stream)).read, WAIT).toBe(400);
    expect(await cli('drain', topic, '--why', 'the day is over')).toMatchObject({ code: 0, stderr: '' });
    expect(await newest.result()).toMatchObject({ batches: 4, read: 400, published: 400, outrun: 0 });
    expect(await rows('SELECT count(*), count(DISTINCT event_id) FROM user_signups')).toEqual([['400', '400']]);
    // Whoever watches sees it end, in whatever execution that is.
    const { code, stdout } = await watching;
    expect({ code, ...(JSON.parse(stdout) as object) }).toMatchObject({ code: 0, state: 'completed', result: { batches: 4 } });
    // One group for all batches, whose commits are for people's monitoring.
    const committed = await adapters.messages().committed(`millrace-kafka-signups-stream-${topic}`, topic);
    expect(committed.reduce((sum, { offset }) => sum + offset, 0)).toBe(400);
  }, 120_000);

  it('takes orders only from somebody, and drains once', async () => {
    const { fill, start } = await place();
    const stream = await start();
    await expect.poll(async () => (await progress(stream)).state, WAIT).toBe('waiting');
    const refusal = (update: string, order: object): Promise<string> => stream.executeUpdate(update, { args: [order] }).then(() => 'taken', (error: WorkflowUpdateFailedError) => String(error.cause?.message));
    expect(await refusal(DRAIN_UPDATE, { by: ' ' })).toContain('needs the name of who gives it');
    expect(await refusal(OPERATOR_UPDATES.resume, ANNA)).toContain('is not paused');
    expect(await refusal(OPERATOR_UPDATES.pause, ANNA)).toBe('taken');
    await fill(20);
    await expect.poll(async () => (await steps(stream)).steps.at(-1), WAIT).toMatchObject({ state: 'waiting', message: 'the run is paused' });
    expect(await refusal(DRAIN_UPDATE, { ...ANNA, why: 'the topic is moved' })).toBe('taken');
    expect(await refusal(DRAIN_UPDATE, { by: 'bob' })).toMatch(/is being drained already, since .* by anna/);
    expect(await progress(stream)).toMatchObject({ state: 'draining', draining: { by: 'anna', why: 'the topic is moved' }, read: 0 });
    expect(await refusal(OPERATOR_UPDATES.resume, ANNA)).toBe('taken');
    expect(await stream.result()).toMatchObject({ batches: 1, read: 20 });
  }, 120_000);

  it('never skips messages that have expired while it waits', async () => {
    const { topic, fill, start } = await place({ partitions: 1 });
    await fill(100);
    const stream = await start();
    await expect.poll(async () => (await progress(stream)).read, WAIT).toBe(100);
    await stream.executeUpdate(OPERATOR_UPDATES.pause, { args: [ANNA] });
    await fill(20);
    // kafkajs has to know the topic before.
    await kafka.admin.fetchTopicOffsets(topic);
    await kafka.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '105' }] });
    await stream.executeUpdate(OPERATOR_UPDATES.resume, { args: [ANNA] });
    const failed = await stream.result().then(() => undefined, (error: WorkflowFailedError) => error.cause?.cause as ApplicationFailure);
    expect(failed?.type).toBe('OFFSETS_EXPIRED');
    expect(await drained(await start({ skipExpired: true }))).toMatchObject({ read: 15 });
  }, 120_000);

  it('loses and doubles nothing when its worker is killed with SIGKILL anywhere, also around the seam of two executions', async () => {
    const { topic, fill, start, rows } = await place();
    const kills = [['batch[1].fixBounds', 'end'], ['batch[2].consumeAndStage', 'middle'], ['batch[3].consumeAndStage', 'end'], ['batch[4].loadSignups', 'middle'], ['batch[5].loadSignups', 'end'], ['batch[6].removeSignupStaging', 'end']] as const;
    for (const [step, place] of kills) await stack.gate.set(gateFiles.kill(topic, step, place));
    await fill(690, 10);
    const stream = await start({ messages: 100, rounds: 2 });
    await expect.poll(async () => (await progress(stream).catch(() => undefined))?.read, { timeout: 150_000, interval: 500 }).toBe(700);
    for (const [step, place] of kills) expect(await stack.gate.all()).toContain(gateFiles.killed(topic, step, place));
    expect(await drained(stream)).toMatchObject({ batches: 7, read: 700, staged: 690, quarantined: 10, published: 690, outrun: 0 });
    expect(await rows('SELECT count(*), count(DISTINCT event_id) FROM user_signups')).toEqual([['690', '690']]);
    expect((await rows('SELECT sum(next_offset) FROM millrace_offsets'))[0]).toEqual(['700']);
  }, 240_000);

  it('goes on when the broker was killed with SIGKILL, in the middle of a batch or while it waits', async () => {
    const { topic, fill, start, rows } = await place();
    await fill(500);
    const hold = gateFiles.hold(topic, 'batch[1].consumeAndStage');
    await stack.gate.set(hold);
    const stream = await start();
    await stack.gate.seen(gateFiles.held(topic, 'batch[1].consumeAndStage'));
    await kafka.kill();
    await stack.gate.clear(hold);
    await kafka.start();
    await expect.poll(async () => (await progress(stream)).read, WAIT).toBe(500);
    await kafka.kill();
    const lastLook = async () => (await stream.describe()).raw.pendingActivities?.[0]?.lastFailure?.message;
    await expect.poll(lastLook, WAIT).toContain('cannot be reached');
    await kafka.start();
    await fill(300);
    await expect.poll(async () => (await progress(stream)).read, WAIT).toBe(800);
    expect(await drained(stream)).toMatchObject({ read: 800, published: 800, gaps: 0 });
    expect(await rows('SELECT count(*) FROM user_signups')).toEqual([['800']]);
  }, 180_000);

  it('begins again where loading has come to when a daily run is faster with its messages, and the other way round', async () => {
    const { topic, fill, start, rows } = await place();
    const daily = (id: string, params: object = {}) => stack.client.workflow.start<typeof kafkaSignups>('kafkaSignups', { taskQueue: topic, workflowId: id, args: [{ date: '2026-01-31', topic, ...params }] });
    await fill(100);
    const hold = gateFiles.hold(topic, 'batch[1].loadSignups');
    await stack.gate.set(hold);
    const stream = await start();
    await stack.gate.seen(gateFiles.held(topic, 'batch[1].loadSignups'));
    await fill(50);
    expect(await (await daily(`${topic}-daily-1`)).result()).toMatchObject({ read: 150, published: 150 });
    await stack.gate.clear(hold);
    await expect.poll(async () => (await progress(stream)).outrun, WAIT).toBe(1);
    expect(await progress(stream)).toMatchObject({ batches: 0, read: 0, published: 0 });

    await fill(60);
    await expect.poll(async () => (await progress(stream)).read, WAIT).toBe(60);
    await stream.executeUpdate(OPERATOR_UPDATES.pause, { args: [ANNA] });
    await stack.gate.set(gateFiles.hold(`${topic}-daily-2`, 'loadSignups'));
    await fill(40);
    const late = await daily(`${topic}-daily-2`);
    await stack.gate.seen(gateFiles.held(`${topic}-daily-2`, 'loadSignups'));
    expect(await cli('drain', `${topic}-daily-2`)).toMatchObject({ code: 6, stderr: expect.stringContaining('is no stream: it ends by itself') as string });
    await stream.executeUpdate(OPERATOR_UPDATES.resume, { args: [ANNA] });
    await expect.poll(async () => (await progress(stream)).read, WAIT).toBe(100);
    await stack.gate.clear(gateFiles.hold(`${topic}-daily-2`, 'loadSignups'));
    const failed = await late.result().then(() => undefined, (error: WorkflowFailedError) => error.cause?.cause as ApplicationFailure);
    expect(`${failed?.type}: ${failed?.message}`).toMatch(/OFFSETS_MOVED: .* Run the pipeline again/);
    await drained(stream);
    expect(await rows('SELECT count(*), count(DISTINCT event_id) FROM user_signups')).toEqual([['250', '250']]);
  }, 180_000);

  it('waits again when somebody else has loaded what it had seen waiting', async () => {
    const { topic, fill, start } = await place();
    await fill(250);
    const hold = gateFiles.hold(topic, 'batch[2].fixBounds');
    await stack.gate.set(hold);
    const stream = await start({ messages: 100 });
    await stack.gate.seen(gateFiles.held(topic, 'batch[2].fixBounds'));
    const daily = await stack.client.workflow.start<typeof kafkaSignups>('kafkaSignups', { taskQueue: topic, workflowId: `${topic}-daily`, args: [{ date: '2026-01-31', topic }] });
    expect(await daily.result()).toMatchObject({ read: 150 });
    await stack.gate.clear(hold);
    await expect.poll(async () => (await steps(stream)).steps.map(({ id }) => id), WAIT).toContain('awaitSignups');
    expect((await steps(stream)).steps.map(({ id }) => id)).not.toContain('batch[3].fixBounds');
    expect(await drained(stream)).toMatchObject({ read: 100, lag: 0 });
  }, 120_000);

  it('is held when a batch cannot be loaded, tells people how far the topic runs ahead, and loses nothing when it is given up', async () => {
    const { topic, fill, start, rows } = await place();
    await fill(10, 190);
    const alerts = [{ channel: 'mail', atLeast: 'warning' }];
    const stream = await start({ late: 3 }, { onStepFailure: 'hold', alerts });
    const mails = async (): Promise<string[]> => (await Promise.all(stack.mails.map(({ raw }) => simpleParser(raw)))).filter(({ text }) => text?.includes(topic)).map(({ subject }) => String(subject));
    await expect.poll(async () => (await steps(stream)).state, WAIT).toBe('held');
    expect((await steps(stream)).steps.find(({ state }) => state === 'held')).toMatchObject({ id: 'batch[1].loadSignups', error: { type: 'CHECK_FAILED' } });
    await expect.poll(mails, WAIT).toContainEqual(expect.stringContaining('kafka-signups-stream is held at batch[1].loadSignups'));
    await fill(70);
    await expect.poll(mails, WAIT).toContainEqual(expect.stringContaining(`kafka-signups-stream lags: 270 messages of ${topic} wait`));
    await stream.executeUpdate(OPERATOR_UPDATES.fail, { args: [{ ...ANNA, step: 'batch[1].loadSignups' }] });
    await expect(stream.result()).rejects.toThrow('Workflow execution failed');
    expect(await drained(await start({ maxMalformed: 1 }))).toMatchObject({ read: 270, staged: 80, quarantined: 190, published: 80 });
    expect(await rows('SELECT count(*) FROM user_signups')).toEqual([['80']]);
  }, 120_000);

  it('gives lag by partition, throughput, batch sizes and quarantined messages to Prometheus, as the daily run does', async () => {
    const port = await freePort();
    const { topic, fill, start } = await place({ partitions: 2, settings: { MILLRACE_PROMETHEUS: `127.0.0.1:${port}` } });
    const scraped = async (): Promise<string[]> => (await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).split('\n').filter((line) => line.startsWith('millrace_') || line.startsWith('temporal_millrace_'));
    /** Sum of the samples whose labels hold all of these. */
    const value = async (name: string, ...labels: string[]): Promise<number | undefined> => {
      const found = (await scraped()).filter((line) => line.startsWith(`${name}{`) && [`topic="${topic}"`, ...labels].every((label) => line.includes(label)));
      return found.length === 0 ? undefined : found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
    };
    await fill(90, 10);
    await (await stack.client.workflow.start<typeof kafkaSignups>('kafkaSignups', { taskQueue: topic, workflowId: `${topic}-daily`, args: [{ date: '2026-01-31', topic }] })).result();
    expect(await scraped()).toEqual(expect.arrayContaining([expect.stringContaining(`topic="${topic}"`)]));
    expect(await value('millrace_kafka_messages_staged_total')).toBe(90);
    expect(await value('millrace_kafka_messages_quarantined_total', 'reason="not_json"')).toBe(10);
    expect(await value('millrace_kafka_lag', 'partition="0"')).toBe(0);
    expect(await value('millrace_kafka_lag', 'partition="1"')).toBe(0);
    expect(await value('millrace_kafka_messages_per_second')).toBeGreaterThan(0);
    expect(await value('millrace_kafka_batch_messages_sum')).toBe(100);
    expect(await value('millrace_kafka_batch_messages_count')).toBe(1);

    // An hour passes before the next batch: until then the sensor measures what waits.
    const stream = await start({ seconds: 3600 });
    await expect.poll(async () => (await progress(stream)).state, WAIT).toBe('waiting');
    await fill(60);
    await expect.poll(() => value('millrace_kafka_lag'), WAIT).toBe(60);
    expect(await drained(stream)).toMatchObject({ read: 60 });
    expect(await value('millrace_kafka_lag')).toBe(0);
    expect(await value('millrace_kafka_messages_staged_total')).toBe(150);
    expect(await value('millrace_kafka_batch_messages_count')).toBe(2);
    expect(await value('millrace_kafka_batch_messages_bucket', 'le="100"')).toBe(2);
  }, 120_000);
});
