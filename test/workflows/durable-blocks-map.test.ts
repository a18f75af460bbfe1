import { Context } from '@temporalio/activity';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { locateTemporal } from '../servers/temporal.js';
import { startBlockRuns, type BlockRuns } from '../support/block-runs.js';
import { describeWithServer } from '../support/with-server.js';

const WAIT = { timeout: 25_000 };

describeWithServer('mapSteps', locateTemporal, () => {
  let runs: BlockRuns;
  let running = 0;
  let most = 0;
  let cancelled = 0;

  beforeAll(async () => {
    runs = await startBlockRuns({
      fixture: 'map-workflows.ts',
      activities: {
        train: async (name: string) => {
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => void setImmediate(resolve));
          running -= 1;
          if (name.startsWith('bad')) throw ApplicationFailure.nonRetryable(`${name} diverged`, 'Diverged');
          return `model of ${name}`;
        },
        evaluate: async (model: string) => model.length,
        untilCancelled: async () => {
          running += 1;
          await Context.current().cancelled.finally(() => {
            running -= 1;
            cancelled += 1;
          });
        },
      },
    });
  });
  afterAll(() => runs?.stop());
  beforeEach(() => {
    most = 0;
    running = 0;
    cancelled = 0;
  });

  const ids = async (handle: WorkflowHandle): Promise<string[]> => (await handle.query<{ id: string }[]>('rows')).map(({ id }) => id);
  const failure = async (handle: WorkflowHandle): Promise<unknown> => {
    const error: unknown = await handle.result().then(() => undefined, (thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WorkflowFailedError);
    return (error as WorkflowFailedError).cause;
  };
  const activityIds = async (workflowId: string): Promise<string[]> =>
    ((await runs.temporal.env.client.workflow.getHandle(workflowId).fetchHistory()).events ?? []).flatMap((event) => event.activityTaskScheduledEventAttributes?.activityId ?? []);
  const children = async (handle: WorkflowHandle): Promise<string[]> =>
    ((await handle.fetchHistory()).events ?? []).flatMap((event) => event.startChildWorkflowExecutionInitiatedEventAttributes?.workflowId ?? []);

  it('returns results in the order of the list, whichever item ends first, and names steps by their keys', async () => {
    const handle = await runs.start('mapsClosure', ['slow', 'resnet', 'vgg'], {});
    expect(await handle.result()).toEqual([13, 15, 12]);
    expect((await ids(handle)).toSorted()).toEqual(['models.evaluate[resnet]', 'models.evaluate[slow]', 'models.evaluate[vgg]', 'models.train[resnet]', 'models.train[slow]', 'models.train[vgg]']);
  });

  it('gives the key to a group in the item, and joins the keys of a map in a map', async () => {
    const handle = await runs.start('mapsGroups', ['a', 'b']);
    await handle.result();
    expect((await ids(handle)).toSorted()).toEqual(['fit[a].evaluate', 'fit[a].train', 'fit[b].evaluate', 'fit[b].train', 'train[0,0]']);
  });

  it('works on no more items at a time than it is told', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `n-${index}`);
    await (await runs.start('mapsByName', names, { concurrency: 2 })).result();
    expect(most).toBeLessThanOrEqual(2);
  });

  it('cancels the others at the first failure, and throws it when they have ended', async () => {
    const handle = await runs.start('mapsClosure', ['wait', 'bad', 'later'], { concurrency: 2 });
    expect(await failure(handle)).toMatchObject({ name: 'ActivityFailure', activityId: 'models.train[bad]', cause: { message: 'bad diverged' } });
    expect([running, cancelled]).toEqual([0, 1]);
    expect(await ids(handle)).toEqual(['models.untilCancelled[wait]', 'models.train[bad]']);
  });

  it('lets all items end where that is asked for, and names those that failed', async () => {
    const handle = await runs.start('mapsClosure', ['bad-1', 'good', 'bad-2', 'slow'], { onError: 'all', concurrency: 1 });
    expect(await failure(handle)).toMatchObject({
      type: 'MAP_FAILED',
      nonRetryable: true,
      message: '2 of 4 items failed: bad-1 (bad-1 diverged), bad-2 (bad-2 diverged)',
      details: [{ failed: [{ key: 'bad-1', type: 'Diverged', message: 'bad-1 diverged' }, { key: 'bad-2' }] }],
      cause: { message: 'bad-1 diverged', type: 'Diverged' },
    });
    expect(await ids(handle)).toContain('models.evaluate[slow]');
  });

  it.each(['first', 'all'])('ends as cancelled when the run is cancelled (onError: %s), and starts nothing more', async (onError) => {
    const handle = await runs.start('mapsClosure', ['wait', 'a'], { onError, concurrency: 1 });
    await expect.poll(() => running, WAIT).toBe(1);
    await handle.cancel();
    await failure(handle);
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    expect(await ids(handle)).toEqual(['models.untilCancelled[wait]']);
  });

  it('refuses two items with the same key, and a list that a function cannot map, before the first step', async () => {
    const twice = await runs.start('mapsClosure', ['a', 'b', 'a'], {});
    expect(await failure(twice)).toMatchObject({ type: 'MAP_REFUSED', message: expect.stringContaining('the key "a"') as string });
    const long = await runs.start('mapsClosure', Array.from({ length: 2_001 }, (_, index) => `n-${index}`), {});
    expect(await failure(long)).toMatchObject({ type: 'MAP_REFUSED', message: expect.stringMatching(/2001 items .*namedActivities/) as string });
    expect(await ids(long)).toEqual([]);
  });

  it('does by an activity’s name what it does by a function', async () => {
    const { closure, named } = (await (await runs.start('mapsTheSame', ['a', 'b', 'c'])).result()) as Record<string, string[]>;
    expect(named).toEqual(closure);
    expect(named).toEqual(['model of a', 'model of b', 'model of c']);
  });

  it('splits 10,000 items into child workflows, with the ids and the order of one', { timeout: 900_000 }, async () => {
    const handle = await runs.start('mapsMany', 10_000, [], { concurrency: 100 });
    expect(await handle.result()).toEqual({ count: 10_000, inOrder: true, sample: ['model of n-0', 'model of n-2500', 'model of n-5000', 'model of n-7500'] });
    expect((await handle.fetchHistory()).events!.length).toBeLessThan(1_000);
    const parts = await children(handle);
    expect(parts).toHaveLength(20);
    expect((await activityIds(parts[3]!)).slice(0, 2)).toEqual(['train[n-1500]', 'train[n-1501]']);
  });

  it('throws the failed step of a part as if it were its own', { timeout: 120_000 }, async () => {
    const first = await runs.start('mapsMany', 2_001, [7], {});
    expect(await failure(first)).toMatchObject({ name: 'ActivityFailure', activityId: 'train[bad-7]', cause: { type: 'Diverged' } });
    expect(await children(first)).toHaveLength(1);
  });

  it('collects the failures of all parts', { timeout: 480_000 }, async () => {
    const all = await runs.start('mapsMany', 2_001, [7, 1_900], { onError: 'all' });
    expect(await failure(all)).toMatchObject({ type: 'MAP_FAILED', message: '2 of 2001 items failed: bad-7 (bad-7 diverged), bad-1900 (bad-1900 diverged)' });
    expect(await children(all)).toHaveLength(5);
  });

  it('passes a cancellation on to the part that runs, and starts no other', async () => {
    const handle = await runs.start('mapsManyUntilCancelled', 2_001);
    await expect.poll(() => running, WAIT).toBe(3);
    await handle.cancel();
    await failure(handle);
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    expect([running, cancelled]).toEqual([0, 3]);
    expect(await children(handle)).toHaveLength(1);
    expect(await handle.query('rows')).toMatchObject([{ id: 'untilCancelled.mapPart[0-499]', kind: 'child', state: 'cancelled' }]);
  });

  it('replays every one of these runs, and their parts', { timeout: 480_000 }, async () => {
    expect(await runs.replayAll()).toBeGreaterThan(35);
  });
});
