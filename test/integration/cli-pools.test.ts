import { userInfo } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ListedPool } from '../../src/pools/ask-pools.js';
import { locateTemporal } from '../servers/temporal.js';
import { millrace, type CommandResult } from '../support/millrace-command.js';
import { startPoolStack, type PoolStack } from '../support/pool-stack.js';
import { describeWithServer } from '../support/with-server.js';

describeWithServer('millrace pools', locateTemporal, () => {
  let stack: PoolStack;
  beforeAll(async () => {
    stack = await startPoolStack();
    await stack.worker();
  });
  afterAll(() => stack?.stop());

  const pools = (...args: string[]): Promise<CommandResult> => millrace(['pools', ...args], { TEMPORAL_ADDRESS: stack.address });
  const listed = async (): Promise<ListedPool[]> => JSON.parse((await pools('list', '--json')).stdout) as ListedPool[];

  it('list shows those of the catalog that no step has needed yet', async () => {
    expect(await listed()).toEqual([{ pool: 'warehouse', state: 'unused', size: 2 }]);
    expect((await pools('list')).stdout).toMatch(/^warehouse +2 +no step has needed it yet$/m);
  }, 60_000);

  it('set makes a pool, and says who has set it', async () => {
    expect(await pools('set', 'api', '1', '--task-queue', stack.taskQueue)).toMatchObject({ code: 0, stdout: 'api has 1 slot: 0 held, 0 waiting\n' });
    expect((await pools('list')).stdout).toMatch(new RegExp(`^api +1 +0 +0 +set by ${userInfo().username}@\\S+ \\d{4}-`, 'm'));
  }, 60_000);

  it('list shows who holds and who waits, and set lets them in', async () => {
    await stack.hold('api-first', 'api-second');
    const first = await stack.run({ pool: 'api', names: ['api-first'] });
    await stack.saw('in', 'api-first');
    const second = await stack.run({ pool: 'api', names: ['api-second'] }, { runOptions: { priority: 1 } });
    await expect.poll(async () => (await listed()).find(({ pool }) => pool === 'api')?.view, { timeout: 30_000 }).toMatchObject({
      size: 1,
      holders: [{ workflowId: first.workflowId, step: 'work' }],
      waiting: [{ workflowId: second.workflowId, step: 'work', priority: 1 }],
    });
    const { stdout } = await pools('list');
    expect(stdout).toMatch(/^api +1 +1 +1 /m);
    expect(stdout).toMatch(new RegExp(`^api +held +${first.workflowId} +work +\\d{4}-\\S+ \\S+Z +\\d{4}-\\S+ \\S+Z$`, 'm'));
    expect(stdout).toMatch(new RegExp(`^api +waiting \\(priority 1\\) +${second.workflowId} +work +\\d{4}-`, 'm'));

    // A pool that is there needs no task queue.
    expect(await pools('set', 'api', '2')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^api has 2 slots/) as string });
    await stack.saw('in', 'api-second');
    await stack.letGo('api-first', 'api-second');
    await Promise.all([first.result(), second.result()]);
  }, 60_000);

  it('set refuses what is no number of slots', async () => {
    for (const wrong of ['many', '1.5', '']) expect(await pools('set', 'api', wrong)).toMatchObject({ code: 2, stderr: expect.stringMatching(/is not a number of slots/) as string });
  }, 60_000);

  it('set says when no worker takes care of the pool, and list does too', async () => {
    expect(await pools('set', 'lonely', '3', '--task-queue', 'nobody')).toMatchObject({ code: 7, stderr: expect.stringMatching(/no worker has answered for pool lonely — see millrace doctor/) as string });
    await expect.poll(async () => (await listed()).find(({ pool }) => pool === 'lonely')?.state, { timeout: 30_000 }).toBe('silent');
  }, 60_000);
});
