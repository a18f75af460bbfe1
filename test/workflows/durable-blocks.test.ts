import { Context } from '@temporalio/activity';
import { WorkflowFailedError, WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OPERATOR_UPDATES } from '../../src/steps/operator-protocol.js';
import { locateTemporal } from '../servers/temporal.js';
import { startBlockRuns, type BlockRuns } from '../support/block-runs.js';
import { describeWithServer } from '../support/with-server.js';

const WAIT = { timeout: 20_000 };

describeWithServer('durable blocks', locateTemporal, () => {
  let runs: BlockRuns;
  const notes: string[] = [];

  beforeAll(async () => {
    runs = await startBlockRuns({
      fixture: 'block-workflows.ts',
      activities: {
        work: async (name: string) => name,
        fail: async (message: string) => {
          throw new Error(message);
        },
        untilCancelled: () => Context.current().cancelled,
        note: async (text: string) => void notes.push(text),
      },
    });
  });
  afterAll(() => runs?.stop());

  const causeOf = async (handle: WorkflowHandle): Promise<unknown> => {
    const error = await handle.result().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(WorkflowFailedError);
    return (error as WorkflowFailedError).cause;
  };
  const approve = (handle: WorkflowHandle, decision: object): Promise<unknown> => handle.executeUpdate(OPERATOR_UPDATES.approve, { args: [decision] });
  const refusal = async (update: Promise<unknown>): Promise<string> => {
    const error: unknown = await update.then(() => undefined, (thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WorkflowUpdateFailedError);
    return (error as WorkflowUpdateFailedError).cause?.message ?? '';
  };

  it('waits for approvals of several items, each decided by its own name, and says by whom and why', async () => {
    const handle = await runs.start('approves', ['a', 'b']);
    await expect.poll(() => handle.query('open'), WAIT).toEqual(['models[a].promote', 'models[b].promote']);
    expect(await handle.query('events')).toMatchObject([
      { kind: 'approval-wanted', name: 'models[a].promote', message: 'accuracy of a' },
      { kind: 'approval-wanted', name: 'models[b].promote', message: 'accuracy of b' },
    ]);
    expect(await handle.query('rows')).toMatchObject([{ id: 'models[a].promote', kind: 'approval', state: 'waiting', message: 'accuracy of a' }, {}]);

    await approve(handle, { name: 'models[b].promote', by: 'anna', why: 'better' });
    await approve(handle, { name: 'models[a].promote', by: 'ben' });
    expect(await handle.result()).toEqual([
      { by: 'ben', at: expect.any(String) as string },
      { by: 'anna', why: 'better', at: expect.any(String) as string },
    ]);
    expect(await handle.query('rows')).toMatchObject([
      { state: 'succeeded', message: 'approved by ben' },
      { state: 'succeeded', message: 'approved by anna: better' },
    ]);
  });

  it('refuses decisions that nobody asks for, that come twice, or that nobody signs, and lists what is possible', async () => {
    const handle = await runs.start('approves', ['a', 'b']);
    await expect.poll(() => handle.query('open'), WAIT).toHaveLength(2);
    expect(await refusal(approve(handle, { name: 'promote', by: 'anna' }))).toBe('no approval "promote" is open. Waiting for approval: models[a].promote, models[b].promote.');
    expect(await refusal(approve(handle, { name: 'models[a].promote', by: ' ' }))).toContain('needs the name of who takes it');
    await approve(handle, { name: 'models[a].promote', by: 'anna' });
    expect(await refusal(approve(handle, { name: 'models[a].promote', by: 'ben' }))).toBe('models[a].promote was approved by anna. Waiting for approval: models[b].promote.');
    await handle.cancel();
    expect(await causeOf(handle)).toMatchObject({ name: 'CancelledFailure' });
    expect(await handle.query('rows')).toMatchObject([{ state: 'succeeded' }, { state: 'cancelled' }]);
  });

  it('ends a run that was rejected, with who and why', async () => {
    const handle = await runs.start('approves', ['a']);
    await expect.poll(() => handle.query('open'), WAIT).toHaveLength(1);
    await handle.executeUpdate(OPERATOR_UPDATES.reject, { args: [{ name: 'models[a].promote', by: 'anna', why: 'too slow' }] });
    expect(await causeOf(handle)).toMatchObject({ type: 'APPROVAL_REJECTED', nonRetryable: true, message: 'models[a].promote was rejected by anna: too slow' });
    expect(await handle.query('rows')).toMatchObject([{ state: 'failed' }]);
  });

  it('gives up an approval after its timeout, which the event names', async () => {
    const handle = await runs.start('approves', ['a'], '1s');
    expect(await causeOf(handle)).toMatchObject({ type: 'APPROVAL_EXPIRED', message: expect.stringContaining('accuracy of a') as string });
    expect(await handle.query('events')).toMatchObject([{ until: expect.stringMatching(/^\d{4}-/) as string }]);
  });

  it('shows a branch that was not taken as skipped, with the reason', async () => {
    const handle = await runs.start('branches');
    await handle.result();
    const rows = await handle.query<object[]>('rows');
    expect(rows).toContainEqual({ id: 'load.fullReload', kind: 'branch', state: 'skipped', message: 'the table is small' });
    expect(rows).toContainEqual({ id: 'load.fullReload#2', kind: 'branch', state: 'skipped', message: 'and still is' });
  });

  it('runs the handler of a failure, and keeps the error, also when the handler fails', async () => {
    for (const how of ['step', 'failingHandler']) {
      expect(await causeOf(await runs.start('fails', how))).toMatchObject({ name: 'ActivityFailure', activityType: 'fail', cause: { message: 'the cause' } });
      expect(notes).toContain(`${how}: the cause`);
    }
  });

  it('does not take a cancellation for a failure', async () => {
    const handle = await runs.start('fails', 'cancelled');
    await expect.poll(async () => (await handle.describe()).raw.pendingActivities?.length, WAIT).toBe(1);
    await handle.cancel();
    await causeOf(handle);
    expect(notes.filter((note) => note.startsWith('cancelled'))).toEqual([]);
  });

  it('tells once that a body is late and lets it go on', async () => {
    const handle = await runs.start('late', { name: 'the load', within: '100ms' }, 1_500);
    expect(await handle.result()).toBe('done');
    expect(await handle.query('events')).toMatchObject([{ kind: 'deadline-missed', what: 'the load', due: expect.stringMatching(/Z$/) as string }]);
  });

  it('is late at once where the time has passed already', async () => {
    const handle = await runs.start('late', { name: 'all', at: '2020-01-01T00:00:00Z' }, 200);
    await handle.result();
    expect(await handle.query('events')).toEqual([{ kind: 'deadline-missed', what: 'all', due: '2020-01-01T00:00:00.000Z' }]);
  });

  it('says nothing of a body that ends in time, well or not, and leaves no timer behind', async () => {
    for (const thenFails of [false, true]) {
      const handle = await runs.start('late', { name: 'all', within: '1h' }, 0, thenFails);
      await handle.result().catch(() => undefined);
      expect(await handle.query('events')).toEqual([]);
      const { events } = await handle.fetchHistory();
      expect(events!.filter((event) => event.timerCanceledEventAttributes)).toHaveLength(1);
    }
  });

  it('takes the interval of a run from its schedule, with its own start where it was started by hand', async () => {
    const handle = await runs.start('covers', { cron: '0 * * * *', timezone: 'Europe/Berlin' });
    const { start, end } = (await handle.result()) as { start: string; end: string };
    const startedAt = (await handle.describe()).startTime.getTime();
    expect(Date.parse(end)).toBe(startedAt - (startedAt % 3_600_000));
    expect(Date.parse(end) - Date.parse(start)).toBeGreaterThanOrEqual(3_600_000);
    expect(await causeOf(await runs.start('covers', { cron: 'hourly' }))).toMatchObject({ type: 'BAD_PARAMS', message: expect.stringContaining('hourly') as string });
  });

  it('replays every one of these runs', async () => {
    expect(await runs.replayAll()).toBeGreaterThan(10);
  });
});
