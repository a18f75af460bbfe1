import { Context } from '@temporalio/activity';
import type { WorkflowFailedError } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { notYet } from '../../src/steps/not-yet.js';
import { locateTemporal } from '../servers/temporal.js';
import { startBlockRuns, type BlockRuns } from '../support/block-runs.js';
import { describeWithServer } from '../support/with-server.js';

const WAIT = { timeout: 20_000 };

describeWithServer('durable blocks without the plugin', locateTemporal, () => {
  let runs: BlockRuns;
  const there = new Set<string>();
  let looks = 0;
  let running = 0;

  beforeAll(async () => {
    runs = await startBlockRuns({
      fixture: 'all-block-workflows.ts',
      plugin: false,
      activities: {
        arrived: async (what: string) => {
          looks += 1;
          if (!there.has(what)) throw notYet(`no ${what} in the inbox`);
          return `found ${what}`;
        },
        work: async (name: string) => name,
        train: async (name: string) => {
          if (name === 'bad') throw new Error('diverged');
          return `model of ${name}`;
        },
        evaluate: async (model: string) => model.length,
        untilCancelled: async () => {
          running += 1;
          const beats = setInterval(() => Context.current().heartbeat(), 100);
          await Context.current().cancelled.finally(() => {
            clearInterval(beats);
            running -= 1;
          });
        },
      },
    });
  });
  afterAll(() => runs?.stop());

  it('wait, look at once when a signal comes, and give up after their timeout', async () => {
    const soft = await runs.start('waits', { every: '100ms', timeout: '1s', lookTimeout: '500ms' }, true);
    expect(await soft.result()).toBeUndefined();
    looks = 0;
    const handle = await runs.start('waits', { every: '1h', timeout: '2h' }, false);
    await expect.poll(() => looks, WAIT).toBe(1);
    there.add('file');
    await handle.signal('millrace.arrived', 'inbox.file');
    expect(await handle.result()).toBe('found file');
  });

  it('take decisions by update', async () => {
    const handle = await runs.start('approves', ['a']);
    await expect.poll(() => handle.query('open'), WAIT).toHaveLength(1);
    await handle.executeUpdate('millrace.approve', { args: [{ name: 'models[a].promote', by: 'anna' }] });
    expect(await handle.result()).toMatchObject([{ by: 'anna' }]);
  });

  it('map in order, and end together at the first failure', async () => {
    expect(await (await runs.start('mapsClosure', ['slow', 'a'], {})).result()).toEqual([13, 10]);
    const handle = await runs.start('mapsClosure', ['wait', 'bad'], {});
    const error: unknown = await handle.result().then(() => undefined, (thrown: unknown) => thrown);
    expect((error as WorkflowFailedError).cause).toMatchObject({ activityType: 'train', cause: { message: 'diverged' } });
    expect(running).toBe(0);
  });

  it('replay', async () => {
    expect(await runs.replayAll()).toBe(5);
  });
});
