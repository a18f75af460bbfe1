import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { CancelledFailure, type ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { BACKFILL_PROGRESS, BACKFILL_UPDATES, backfillId, type BackfillPlan, type BackfillProgress, type BackfillRequest, type BackfillResult } from '../../src/durable/backfill.js';
import { SEARCH_ATTRIBUTES } from '../../src/steps/search-attributes.js';
import { locateTemporal } from '../servers/temporal.js';
import { BackfillDays, startBackfillStack, type BackfillStack } from '../support/backfill-days.js';
import { replayAll } from '../support/replay-all.js';
import { describeWithServer } from '../support/with-server.js';

const EVENTUALLY = { timeout: 20_000, interval: 20 };

describeWithServer('a backfill', locateTemporal, () => {
  let stack: BackfillStack;
  let days = new BackfillDays();

  beforeAll(async () => {
    stack = await startBackfillStack(() => days);
  });
  afterAll(() => stack?.stop());
  beforeEach(() => {
    days = new BackfillDays();
  });
  afterEach(() => days.releaseAll());

  let year = 1970;
  /** Every test has a January of its own. */
  const request = (change: Partial<BackfillRequest> = {}): BackfillRequest => {
    return { pipeline: 'ecommerce-daily', from: `${year}-01-01`, to: `${year}-01-06`, only: 'missing', newestFirst: false, parallel: 2, ...change };
  };
  const day = (asked: BackfillRequest, number: number): string => `${asked.from.slice(0, 8)}${String(number).padStart(2, '0')}`;
  const start = (asked: BackfillRequest): Promise<WorkflowHandle> =>
    stack.server.env.client.workflow.start('backfill', { taskQueue: 'millrace', workflowId: backfillId(asked), args: [asked] });
  const run = async (asked: BackfillRequest): Promise<BackfillResult> => (await start(asked)).result() as Promise<BackfillResult>;
  const progress = (handle: WorkflowHandle): Promise<BackfillProgress> => handle.query<BackfillProgress>(BACKFILL_PROGRESS);
  const incomplete = async (handle: WorkflowHandle): Promise<ApplicationFailure> => {
    const error: unknown = await handle.result().then(() => undefined, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(WorkflowFailedError);
    return (error as WorkflowFailedError).cause as ApplicationFailure;
  };
  beforeEach(() => void (year += 1));

  it('runs the missing days, the oldest first, and leaves out those that are loaded', async () => {
    const asked = request({ parallel: 1 });
    days.loaded.add(day(asked, 2)).add(day(asked, 5));
    expect(await run(asked)).toEqual({ pipeline: 'ecommerce-daily', from: asked.from, to: asked.to, done: 4, failed: [], skipped: { loaded: 2 } });
    expect(days.started).toEqual([1, 3, 4, 6].map((number) => day(asked, number)));
  });

  it('runs the newest first when asked, and loaded ones when all are asked for', async () => {
    const asked = request({ parallel: 1, newestFirst: true, only: 'all' });
    days.loaded.add(day(asked, 2));
    expect(await run(asked)).toMatchObject({ done: 6, skipped: {} });
    expect(days.started).toEqual([6, 5, 4, 3, 2, 1].map((number) => day(asked, number)));
  });

  it('never runs more days at a time than asked, and always so many', async () => {
    const asked = request({ parallel: 3, to: request().from.replace(/01$/, '12') });
    days.hold = true;
    const handle = await start(asked);
    for (const started of [3, 6, 9, 12]) {
      await expect.poll(() => days.held.size, EVENTUALLY).toBe(3);
      expect(days.started).toHaveLength(started);
      days.release(...days.held.keys());
    }
    expect(await handle.result()).toMatchObject({ done: 12 });
    expect(days.most).toBe(3);
  });

  it('starts its runs as they are started by hand: with their ids, options, and searchable', async () => {
    const asked = request({ to: request().from, options: { onStepFailure: 'hold' } });
    const typedSearchAttributes = [
      { key: SEARCH_ATTRIBUTES.pipeline, value: 'backfill' },
      { key: SEARCH_ATTRIBUTES.state, value: 'running' },
    ];
    await stack.server.env.client.workflow.execute('backfill', { taskQueue: 'millrace', workflowId: backfillId(asked), args: [asked], typedSearchAttributes });
    const { status, type, memo, priority, typedSearchAttributes: found } = await stack.server.env.client.workflow.getHandle(`ecommerce-daily-${asked.from}`).describe();
    expect([type, status.name]).toEqual(['ecommerceDaily', 'COMPLETED']);
    expect(memo).toEqual({ millrace: { onStepFailure: 'hold', priority: 4 } });
    expect(priority).toMatchObject({ priorityKey: 4 });
    expect([found.get(SEARCH_ATTRIBUTES.pipeline), found.get(SEARCH_ATTRIBUTES.state)]).toEqual(['ecommerce-daily', 'completed']);
  });

  it('starts nothing while it is paused, lets what runs end, and goes on when it is resumed', async () => {
    const asked = request({ parallel: 2 });
    days.hold = true;
    const handle = await start(asked);
    await expect.poll(() => days.started.toSorted(), EVENTUALLY).toEqual([day(asked, 1), day(asked, 2)]);
    await handle.executeUpdate(BACKFILL_UPDATES.pause, { args: [{ by: 'anna@desk', why: 'the warehouse is slow' }] });
    days.releaseAll();
    await expect.poll(async () => (await progress(handle)).done, EVENTUALLY).toBe(2);
    expect(await progress(handle)).toMatchObject({ state: 'paused', paused: { by: 'anna@desk', why: 'the warehouse is slow' }, waiting: 4, running: [] });
    expect(days.started).toHaveLength(2);

    await handle.executeUpdate(BACKFILL_UPDATES.resume, { args: [{ by: 'anna@desk' }] });
    expect(await handle.result()).toMatchObject({ done: 6 });
  });

  it('runs more at a time when it is told to', async () => {
    const asked = request({ parallel: 1 });
    days.hold = true;
    const handle = await start(asked);
    await expect.poll(() => days.started.length, EVENTUALLY).toBe(1);
    await handle.executeUpdate(BACKFILL_UPDATES.parallel, { args: [4] });
    await expect.poll(() => days.started.length, EVENTUALLY).toBe(4);
    expect((await progress(handle)).running.map(({ label }) => label)).toEqual([1, 2, 3, 4].map((number) => day(asked, number)));
    days.releaseAll();
    await handle.result();
    expect(days.most).toBe(4);
  });

  it('refuses orders that make no sense in its state', async () => {
    const asked = request();
    days.hold = true;
    const handle = await start(asked);
    await expect.poll(() => days.started.length, EVENTUALLY).toBe(2);
    const order = (update: string, argument: unknown) => handle.executeUpdate(update, { args: [argument] });
    const refusal = (message: RegExp) => expect.objectContaining({ cause: expect.objectContaining({ message: expect.stringMatching(message) as string }) as Error }) as Error;
    await expect(order(BACKFILL_UPDATES.resume, { by: 'anna' })).rejects.toEqual(refusal(/not paused: it runs 2 intervals, and 4 wait/));
    await expect(order(BACKFILL_UPDATES.parallel, 0)).rejects.toEqual(refusal(/from 1 to 50/));
    await order(BACKFILL_UPDATES.pause, { by: 'anna' });
    await expect(order(BACKFILL_UPDATES.pause, { by: 'berta' })).rejects.toEqual(refusal(/paused already, by anna/));
    await order(BACKFILL_UPDATES.resume, { by: 'berta' });
    days.releaseAll();
    await handle.result();
  });

  it('goes on after a day that fails, names it at the end, and runs only such days when asked', async () => {
    const asked = request();
    days.failing.add(day(asked, 2)).add(day(asked, 5));
    const failure = await incomplete(await start(asked));
    expect(failure.type).toBe('BACKFILL_INCOMPLETE');
    expect(failure.message).toContain(`2 of 6 intervals of ecommerce-daily failed: ${day(asked, 2)} (SOURCE_EMPTY), ${day(asked, 5)} (SOURCE_EMPTY). Look at one with millrace status ecommerce-daily-${day(asked, 2)}`);
    expect(failure.details?.[0]).toMatchObject({ done: 4, failed: [{ label: day(asked, 2), errorCode: 'SOURCE_EMPTY', message: `no data for ${day(asked, 2)}` }, { label: day(asked, 5) }] });

    days.failing.clear();
    days.started.length = 0;
    const more = { ...asked, to: day(asked, 7), only: 'failed' as const };
    await expect.poll(async () => (await planned(more)).intervals.map(({ label, why }) => [label, why]), EVENTUALLY).toEqual([[day(asked, 2), 'failed'], [day(asked, 5), 'failed']]);
    expect(await run(more)).toMatchObject({ done: 2, failed: [], skipped: { loaded: 4, 'not-failed': 1 } });
    expect(days.started.toSorted()).toEqual([day(asked, 2), day(asked, 5)]);
  });

  it('waits for a run of a day that is open already instead of starting a second one', async () => {
    const asked = request({ to: request().from.replace(/01$/, '02') });
    days.hold = true;
    const byHand = await stack.server.env.client.workflow.start('ecommerceDaily', { taskQueue: 'millrace', workflowId: `ecommerce-daily-${asked.from}`, args: [{ date: asked.from }] });
    await expect.poll(() => days.started, EVENTUALLY).toEqual([asked.from]);
    const handle = await start(asked);
    await expect.poll(() => days.started, EVENTUALLY).toEqual([asked.from, asked.to]);
    days.release(asked.to);
    await expect.poll(async () => (await progress(handle)).done, EVENTUALLY).toBe(1);
    expect((await progress(handle)).running).toMatchObject([{ label: asked.from, workflowId: byHand.workflowId }]);
    days.releaseAll();
    expect(await handle.result()).toMatchObject({ done: 2 });
    expect(days.started).toHaveLength(2);
  });

  it('does not count a day as done whose run was open already and then failed', async () => {
    const asked = request({ to: request().from });
    days.hold = true;
    days.failing.add(asked.from);
    const byHand = await stack.server.env.client.workflow.start('ecommerceDaily', { taskQueue: 'millrace', workflowId: `ecommerce-daily-${asked.from}`, args: [{ date: asked.from }] });
    await expect.poll(() => days.started.length, EVENTUALLY).toBe(1);
    const handle = await start(asked);
    await expect.poll(async () => (await progress(handle)).running, EVENTUALLY).toHaveLength(1);
    days.releaseAll();
    const failure = await incomplete(handle);
    expect(failure.details?.[0]).toMatchObject({ done: 0, failed: [{ errorCode: 'RUN_NOT_COMPLETED', workflowId: byHand.workflowId }] });
  });

  it('cancels the running days with itself, waits for them, and ends as cancelled', async () => {
    const asked = request();
    days.hold = true;
    const handle = await start(asked);
    await expect.poll(() => days.started, EVENTUALLY).toHaveLength(2);
    await handle.cancel();
    const error = await handle.result().then(() => undefined, (reason: unknown) => reason);
    expect((error as WorkflowFailedError).cause).toBeInstanceOf(CancelledFailure);
    expect(days.ended.toSorted()).toEqual([day(asked, 1), day(asked, 2)]);
    expect(days.started).toHaveLength(2);
    const { status } = await stack.server.env.client.workflow.getHandle(`ecommerce-daily-${day(asked, 1)}`).describe();
    expect(status.name).toBe('CANCELLED');
    expect(await progress(handle)).toMatchObject({ done: 0, failed: [], waiting: 4 });
  });

  it('can be cancelled while it is paused', async () => {
    const asked = request();
    days.hold = true;
    const handle = await start(asked);
    await expect.poll(() => days.started, EVENTUALLY).toHaveLength(2);
    await handle.executeUpdate(BACKFILL_UPDATES.pause, { args: [{ by: 'anna' }] });
    days.releaseAll();
    await expect.poll(async () => (await progress(handle)).done, EVENTUALLY).toBe(2);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    expect((await handle.describe()).status.name).toBe('CANCELLED');
  });

  it('leaves no run behind without its cleanup when it is terminated', async () => {
    const asked = request({ parallel: 1 });
    days.hold = true;
    const handle = await start(asked);
    await expect.poll(() => days.started, EVENTUALLY).toHaveLength(1);
    await handle.terminate();
    await expect.poll(async () => (await stack.server.env.client.workflow.getHandle(`ecommerce-daily-${asked.from}`).describe()).status.name, EVENTUALLY).toBe('CANCELLED');
    expect(days.ended).toEqual([asked.from]);
  });

  it('counts a day that somebody cancels as failed, and goes on', async () => {
    const asked = request({ parallel: 1, to: request().from.replace(/01$/, '02') });
    days.hold = true;
    const handle = await start(asked);
    await expect.poll(() => days.started, EVENTUALLY).toHaveLength(1);
    await stack.server.env.client.workflow.getHandle(`ecommerce-daily-${asked.from}`).cancel();
    await expect.poll(() => days.started, EVENTUALLY).toHaveLength(2);
    days.releaseAll();
    expect((await incomplete(handle)).details?.[0]).toMatchObject({ done: 1, failed: [{ label: asked.from, errorCode: 'CancelledFailure' }] });
  });

  it('continues as new after a page of days, with a fresh plan, a pause that stays, and one result', async () => {
    const asked = request({ parallel: 2, pageSize: 2, to: request().from.replace(/01$/, '07') });
    days.loaded.add(day(asked, 1)).add(day(asked, 4));
    days.failing.add(day(asked, 3));
    days.hold = true;
    const handle = await start(asked);
    await expect.poll(() => days.started.toSorted(), EVENTUALLY).toEqual([day(asked, 2), day(asked, 3)]);
    await handle.executeUpdate(BACKFILL_UPDATES.pause, { args: [{ by: 'anna' }] });
    // Loaded by somebody else in the meantime.
    days.loaded.add(day(asked, 6));
    days.releaseAll();
    await expect.poll(async () => await progress(handle), EVENTUALLY).toMatchObject({ state: 'paused', done: 1, waiting: 2, skipped: { loaded: 3 } });
    await handle.executeUpdate(BACKFILL_UPDATES.resume, { args: [{ by: 'anna' }] });
    const failure = await incomplete(handle);
    expect(failure.details?.[0]).toMatchObject({ done: 3, failed: [{ label: day(asked, 3) }], skipped: { loaded: 3 } });
    expect(days.started.toSorted()).toEqual([2, 3, 5, 7].map((number) => day(asked, number)));
  });

  it('completes at once when nothing is missing', async () => {
    const asked = request();
    for (let number = 1; number <= 6; number += 1) days.loaded.add(day(asked, number));
    expect(await run(asked)).toMatchObject({ done: 0, failed: [], skipped: { loaded: 6 } });
  });

  it('leaves out days that are not over', async () => {
    const today = new Date().toISOString().slice(0, 10);
    expect(await run({ ...request(), from: today, to: today })).toMatchObject({ done: 0, skipped: { 'not-over': 1 } });
  });

  it.each([
    [{ pipeline: 'no-such' }, /has no pipeline no-such/],
    [{ from: '2010-13-01' }, /from "2010-13-01" is not a calendar day/],
    [{ from: '2010-12-02', to: '2010-12-01' }, /to 2010-12-01 is before from 2010-12-02/],
  ])('fails at once with %o', async (change, message) => {
    const failed = await incomplete(await start({ ...request(), ...change }));
    expect(failed.cause).toMatchObject({ type: 'BAD_PARAMS', message: expect.stringMatching(message) as string });
  });

  const planned = async (asked: BackfillRequest): Promise<Pick<BackfillPlan, 'intervals' | 'skipped'>> =>
    stack.server.env.client.workflow.execute('backfillPlan', { taskQueue: 'millrace', workflowId: `plan-${crypto.randomUUID()}`, args: [asked] }) as Promise<BackfillPlan>;

  it('as a dry run says what would run, why and in which order, and starts nothing', async () => {
    const asked = request({ pageSize: 2, newestFirst: true });
    days.loaded.add(day(asked, 1)).add(day(asked, 4));
    const plan = await planned(asked);
    expect(plan.intervals.map(({ label, why }) => [label, why])).toEqual([6, 5, 3, 2].map((number) => [day(asked, number), 'missing']));
    expect(plan.skipped).toEqual({ loaded: 2 });
    expect(days.started).toEqual([]);
  });

  it('replays, whatever has become of it', async () => {
    expect(await replayAll(stack.server.env.client, { workflowBundle: stack.bundle }, `WorkflowType IN ('backfill', 'backfillPlan')`)).toBeGreaterThan(15);
  }, 300_000);
});
