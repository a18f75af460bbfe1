import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { StepEntry } from '../../src/durable/step-table.js';
import { notYet } from '../../src/steps/not-yet.js';
import { OPERATOR_UPDATES } from '../../src/steps/operator-protocol.js';
import { locateTemporal } from '../servers/temporal.js';
import { startBlockRuns, type BlockRuns } from '../support/block-runs.js';
import { describeWithServer } from '../support/with-server.js';

const WAIT = { timeout: 25_000 };
const SLOTS = 4;
const MANY = 1_000;

describeWithServer('waitFor', locateTemporal, () => {
  let runs: BlockRuns;
  const there = new Set<string>();
  let looks = 0;
  /** What was looked for; a look whose answer was lost on the way is one more look for the same. */
  const lookedFor = new Set<string>();

  beforeAll(async () => {
    runs = await startBlockRuns({
      fixture: 'wait-workflows.ts',
      worker: { maxConcurrentActivityTaskExecutions: SLOTS },
      activities: {
        arrived: async (what: string) => {
          looks += 1;
          lookedFor.add(what);
          if (!there.has(what)) throw notYet(`no ${what} in the inbox`);
          return `found ${what}`;
        },
        slow: (ms: number) => sleep(ms, undefined, { signal: Context.current().cancellationSignal }),
        broken: async () => {
          throw ApplicationFailure.nonRetryable('the inbox is gone', 'SOURCE_MISSING');
        },
        work: async (name: string) => name,
      },
    });
  });
  afterAll(() => runs?.stop());
  beforeEach(() => {
    there.clear();
    looks = 0;
    lookedFor.clear();
  });

  const eventCount = async (handle: WorkflowHandle): Promise<number> => (await handle.fetchHistory()).events!.length;
  const failure = async (handle: WorkflowHandle): Promise<unknown> => {
    const error: unknown = await handle.result().then(() => undefined, (thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WorkflowFailedError);
    return (error as WorkflowFailedError).cause;
  };
  const rows = (handle: WorkflowHandle): Promise<StepEntry[]> => handle.query<StepEntry[]>('rows');
  const pending = async (handle: WorkflowHandle) => (await handle.describe()).raw.pendingActivities ?? [];

  it('looks again and again without a line in the history, and returns what it has found', async () => {
    const handle = await runs.start('waits', { every: '200ms', timeout: '1m' }, false);
    await expect.poll(() => looks, WAIT).toBeGreaterThan(3);
    expect(await pending(handle)).toMatchObject([{ lastFailure: { message: 'no file in the inbox' } }]);
    there.add('file');
    expect(await handle.result()).toBe('found file');
    const { events } = await handle.fetchHistory();
    const ofSteps = events!.flatMap((event) => Object.keys(event).filter((key) => key.startsWith('activityTask') && event[key as keyof typeof event] != null));
    expect(ofSteps).toEqual(['activityTaskScheduledEventAttributes', 'activityTaskStartedEventAttributes', 'activityTaskCompletedEventAttributes']);
  });

  it('looks at once when a signal says that it has arrived', async () => {
    const handle = await runs.start('waits', { every: '1h', timeout: '2h' }, false);
    await expect.poll(() => looks, WAIT).toBe(1);
    there.add('file');
    await handle.signal('millrace.arrived', 'inbox.file');
    expect(await handle.result()).toBe('found file');
    expect(looks).toBe(2);
  });

  it('takes no harm from signals that come early, twice, for others or without anything having arrived', async () => {
    const handle = await runs.temporal.env.client.workflow.signalWithStart('waits', {
      taskQueue: 'blocks',
      workflowId: 'signalled-early',
      args: [{ every: '1h', timeout: '2h' }, false],
      signal: 'millrace.arrived',
      signalArgs: ['inbox.file'],
    });
    await expect.poll(() => looks, WAIT).toBeGreaterThan(0);
    await handle.signal('millrace.arrived', 'somebody-else');
    for (let count = 0; count < 5; count += 1) await handle.signal('millrace.arrived', 'inbox.file');
    await expect.poll(() => looks, WAIT).toBeGreaterThan(1);
    there.add('file');
    await handle.signal('millrace.arrived', 'inbox.file');
    expect(await handle.result()).toBe('found file');
  });

  it('keeps its timeout however often it is signalled', async () => {
    const handle = await runs.start('waits', { every: '50ms', timeout: '3s', lookTimeout: '1s' }, false);
    const started = Date.now();
    const signals = setInterval(() => void handle.signal('millrace.arrived', 'inbox.file').catch(() => undefined), 300);
    expect(await failure(handle).finally(() => clearInterval(signals))).toMatchObject({ cause: { type: 'WAIT_TIMED_OUT' } });
    expect(looks).toBeGreaterThan(5);
    expect(Date.now() - started).toBeLessThan(15_000);
  });

  it('ends after its timeout with what it waited for, for how long, and what it saw last', async () => {
    const handle = await runs.start('waits', { every: '100ms', timeout: '1s', lookTimeout: '500ms' }, false);
    expect(await failure(handle)).toMatchObject({
      name: 'ActivityFailure',
      activityType: 'arrived',
      cause: { type: 'WAIT_TIMED_OUT', nonRetryable: true, message: 'inbox.file has not come within 1s. The last look said: no file in the inbox' },
    });
  });

  it('ends after its timeout, too, when a look hangs', async () => {
    const hung = await runs.start('waitsSlowly', { every: '100ms', timeout: '2s', lookTimeout: '400ms' });
    expect(await failure(hung)).toMatchObject({ cause: { type: 'WAIT_TIMED_OUT', message: 'slow has not come within 2s. The last look did not end' } });
  });

  it('goes on without what has not come where that is asked for, and shows the step as skipped', async () => {
    const handle = await runs.start('waits', { every: '100ms', timeout: '1s', lookTimeout: '500ms' }, true);
    expect(await handle.result()).toBeUndefined();
    expect(await rows(handle)).toMatchObject([{ id: 'arrived', state: 'skipped', message: 'file has not come within 1s. The last look said: no file in the inbox' }]);
  });

  it('is held after its timeout as any step where the run says so, and looks again when a signal comes or an operator asks', async () => {
    const hold = { onStepFailure: 'hold' } as const;
    const policy = { every: '100ms', timeout: '1s', lookTimeout: '500ms' };
    const [signalled, retried] = [await runs.startWith(hold, 'waits', policy, false), await runs.startWith(hold, 'waits', policy, false)];
    for (const handle of [signalled, retried]) await expect.poll(() => rows(handle), WAIT).toMatchObject([{ id: 'inbox.arrived', state: 'held', error: { type: 'WAIT_TIMED_OUT', message: 'has not come in time: no file in the inbox' } }]);
    there.add('file');
    await signalled.signal('millrace.arrived', 'inbox.file');
    expect(await signalled.result()).toBe('found file');
    expect(await rows(signalled)).toMatchObject([{ state: 'cancelled' }, { id: 'inbox.arrived#2', state: 'succeeded' }]);
    await retried.executeUpdate(OPERATOR_UPDATES.retry, { args: [{ step: 'inbox.arrived', by: 'anna' }] });
    expect(await retried.result()).toBe('found file');
  });

  it('is not held where the run goes on without it', async () => {
    const handle = await runs.startWith({ onStepFailure: 'hold' }, 'waits', { every: '100ms', timeout: '1s', lookTimeout: '500ms' }, true);
    expect(await handle.result()).toBeUndefined();
  });

  it('does not take an error for something that has not come', async () => {
    const handle = await runs.start('waitsForBroken', { every: '100ms', timeout: '1m' });
    expect(await failure(handle)).toMatchObject({ cause: { type: 'SOURCE_MISSING' } });
  });

  it('is cancelled with its run at once', async () => {
    const handle = await runs.start('waits', { every: '1h', timeout: '2h' }, false);
    await expect.poll(() => looks, WAIT).toBe(1);
    await handle.cancel();
    expect(await failure(handle)).toMatchObject({ name: expect.stringMatching(/CancelledFailure|ActivityFailure/) as string });
    expect((await handle.describe()).status.name).toBe('CANCELLED');
  });

  it(`lets ${MANY} wait at once in one run, on ${SLOTS} slots that stay free for other steps`, { timeout: 360_000 }, async () => {
    const handle = await runs.start('waitsForMany', MANY, { every: '1h', timeout: '2h' });
    await expect.poll(() => lookedFor.size, { timeout: 200_000, interval: 500 }).toBe(MANY);
    const done = async (): Promise<boolean> => (await handle.fetchHistory()).events!.some((event) => event.activityTaskCompletedEventAttributes);
    await expect.poll(done, { timeout: 60_000, interval: 500 }).toBe(true);
    expect(await pending(handle)).toHaveLength(MANY);
    // One line each, for the call; looks add none.
    expect(await eventCount(handle)).toBeLessThan(MANY + 30);

    const arrived = ['file-0', 'file-500', 'file-999'];
    for (const file of arrived) {
      there.add(file);
      await handle.signal('millrace.arrived', file);
    }
    await expect.poll(async () => (await pending(handle)).length, { timeout: 60_000, interval: 500 }).toBe(MANY - arrived.length);
    await handle.terminate();
  });

  it('replays every one of these runs', { timeout: 120_000 }, async () => {
    expect(await runs.replayAll()).toBeGreaterThan(8);
  });
});
