import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import { Client, WorkflowFailedError, WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker, bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StepEntry } from '../../src/durable/step-table.js';
import { OPERATOR_UPDATES, STEPS_QUERY, type StepsAnswer } from '../../src/steps/operator-protocol.js';
import { MillracePlugin } from '../../src/steps/plugin.js';
import { SEARCH_ATTRIBUTES } from '../../src/steps/search-attributes.js';
import type { OperatorTestActivities } from '../fixtures/operator-workflows.js';
import { locateTemporal, startTemporal, type TemporalServer } from '../servers/temporal.js';
import { describeWithServer } from '../support/with-server.js';

const ANNA = { by: 'anna@desk' };

describeWithServer('the orders of an operator', locateTemporal, () => {
  let temporal: TemporalServer;
  let client: Client;
  let bundle: WorkflowBundleWithSourceMap;
  let worker: Worker;
  let running: Promise<void>;
  const handles: WorkflowHandle[] = [];
  /** `left-<run>`: that step fails. */
  const broken = new Set<string>();
  const opened = new Set<string>();
  const calls: string[] = [];

  const side = (name: 'left' | 'right', rows: number) => async (run: string) => {
    calls.push(`${name}-${run}`);
    if (broken.has(`${name}-${run}`)) throw new Error(`${name} is broken`);
    return { rows };
  };
  const activities: OperatorTestActivities = {
    left: side('left', 3),
    right: side('right', 4),
    async gated(run) {
      calls.push(`gated-${run}`);
      const { cancelled } = Context.current();
      while (!opened.has(run)) await Promise.race([cancelled, new Promise((resolve) => setTimeout(resolve, 20))]);
      return 'open';
    },
    join: async (left, right) => left.rows + right.rows,
    tidy: async (run, outcome) => void calls.push(`tidy-${run}-${outcome}`),
  };

  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
    temporal = await startTemporal();
    const plugins = [new MillracePlugin()];
    client = new Client({ connection: temporal.env.connection, plugins });
    bundle = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('../fixtures/operator-workflows.ts', import.meta.url)), plugins, logger: new DefaultLogger('ERROR') });
    worker = await Worker.create({ connection: temporal.env.nativeConnection, taskQueue: 'operator', workflowBundle: bundle, activities, plugins, maxHeartbeatThrottleInterval: '200ms' });
    running = worker.run();
  });
  afterAll(async () => {
    worker?.shutdown();
    await running;
    await temporal?.stop();
  });
  beforeEach(() => {
    broken.clear();
    calls.length = 0;
  });

  async function start(workflow: string, run: string, options: Record<string, unknown> = { onStepFailure: 'hold' }): Promise<WorkflowHandle> {
    const handle = await client.workflow.start(workflow, { taskQueue: 'operator', workflowId: run, args: [run], memo: { millrace: options } });
    handles.push(handle);
    return handle;
  }
  const answer = (handle: WorkflowHandle): Promise<StepsAnswer> => handle.query<StepsAnswer>(STEPS_QUERY);
  const step = async (handle: WorkflowHandle, id: string): Promise<StepEntry | undefined> => (await answer(handle)).steps.find((row) => row.id === id);
  const reaches = (handle: WorkflowHandle, id: string, state: string): Promise<void> => expect.poll(async () => (await step(handle, id))?.state, { timeout: 20_000 }).toBe(state);
  const order = (handle: WorkflowHandle, kind: keyof typeof OPERATOR_UPDATES, args: Record<string, unknown>): Promise<unknown> =>
    handle.executeUpdate(OPERATOR_UPDATES[kind], { args: [{ ...ANNA, ...args }] });
  const refusal = async (handle: WorkflowHandle, kind: keyof typeof OPERATOR_UPDATES, args: Record<string, unknown>): Promise<string> => {
    const error: unknown = await order(handle, kind, args).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WorkflowUpdateFailedError);
    return (error as WorkflowUpdateFailedError).cause?.message ?? '';
  };
  const attribute = async (handle: WorkflowHandle): Promise<string | undefined> => (await handle.describe()).typedSearchAttributes.get(SEARCH_ATTRIBUTES.state);

  describe('on a held step', () => {
    it('lets the other branches go on while one is held, and retries it with its attempts from the start', async () => {
      broken.add('left-held');
      const handle = await start('branches', 'held');
      await reaches(handle, 'sides.left', 'held');
      expect(await step(handle, 'sides.right')).toMatchObject({ state: 'succeeded', rows: 4 });
      expect(await step(handle, 'sides.left')).toMatchObject({ error: { message: 'left is broken' }, heldUntil: expect.stringMatching(/^\d{4}-.*Z$/) as string });
      expect(await attribute(handle)).toBe('held');

      // Broken still: two more attempts, and held again.
      await order(handle, 'retry', { step: 'sides.left' });
      await expect.poll(() => calls.filter((call) => call === 'left-held').length, { timeout: 20_000 }).toBe(4);
      await reaches(handle, 'sides.left', 'held');
      broken.clear();
      await order(handle, 'retry', { step: 'sides.left', why: 'repaired' });
      expect(await handle.result()).toBe(7);
      expect(await step(handle, 'sides.left')).toMatchObject({ state: 'succeeded', rows: 3, message: 'sent on by anna@desk: repaired' });
      expect(calls).toContain('tidy-held-completed');
      expect(await attribute(handle)).toBe('completed');
    });

    it('takes a result by hand, with who and why', async () => {
      broken.add('left-skipped');
      const handle = await start('branches', 'skipped');
      await reaches(handle, 'sides.left', 'held');
      await order(handle, 'skip', { step: 'sides.left', why: 'counted by hand', result: { rows: 10 } });
      expect(await handle.result()).toBe(14);
      expect(await step(handle, 'sides.left')).toMatchObject({ state: 'skipped', rows: 10, message: 'skipped by anna@desk: counted by hand' });
    });

    it('ends it as failed, with its own error', async () => {
      broken.add('left-failed');
      const handle = await start('branches', 'failed');
      await reaches(handle, 'sides.left', 'held');
      await order(handle, 'fail', { step: 'sides.left' });
      await expect(handle.result()).rejects.toMatchObject({ cause: { activityId: 'sides.left', cause: { message: 'left is broken' } } });
      expect(calls).toContain('tidy-failed-failed');
      expect(await attribute(handle)).toBe('failed');
    });

    it('fails by itself when nobody comes in time', async () => {
      broken.add('left-bounded');
      const handle = await start('branches', 'bounded', { onStepFailure: 'hold', holdFor: '1s' });
      await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
      expect(await step(handle, 'sides.left')).toMatchObject({ state: 'failed', error: { message: 'left is broken' } });
    });

    it('cancels a run that is held, with its cleanup', async () => {
      broken.add('left-cancelled');
      const handle = await start('branches', 'cancelled');
      await reaches(handle, 'sides.left', 'held');
      await handle.cancel();
      await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
      expect(calls).toContain('tidy-cancelled-cancelled');
      expect(await step(handle, 'sides.left')).toMatchObject({ state: 'cancelled' });
      expect(await attribute(handle)).toBe('cancelled');
    });
  });

  describe('on a step that waits for its next attempt', () => {
    it('runs it now, with its attempts from the start', async () => {
      broken.add('left-waiting');
      const handle = await start('patientSteps', 'waiting', {});
      await expect.poll(() => calls, { timeout: 20_000 }).toContain('left-waiting');
      broken.clear();
      await order(handle, 'retry', { step: 'left' });
      expect(await handle.result()).toBe(3);
      expect((await handle.fetchHistory()).events!.filter((event) => event.activityTaskScheduledEventAttributes?.activityId === 'left')).toHaveLength(2);
    });

    it('takes a result by hand, or ends it, without waiting for the hour', async () => {
      broken.add('left-given').add('left-ended');
      const given = await start('patientSteps', 'given', {});
      await expect.poll(() => calls, { timeout: 20_000 }).toContain('left-given');
      await order(given, 'skip', { step: 'left', why: 'known', result: { rows: 5 } });
      expect(await given.result()).toBe(5);

      const ended = await start('patientSteps', 'ended', {});
      await expect.poll(() => calls, { timeout: 20_000 }).toContain('left-ended');
      await order(ended, 'fail', { step: 'left', why: 'hopeless' });
      await expect(ended.result()).rejects.toMatchObject({ cause: { activityId: 'left', cause: { type: 'ENDED_BY_OPERATOR', message: 'ended by anna@desk: hopeless' } } });
      expect(calls).toContain('tidy-ended-failed');
    });
  });

  describe('on a run', () => {
    it('starts no new step while it is paused, lets the running one end, and goes on when it is resumed', async () => {
      const handle = await start('gatedSteps', 'paused', {});
      await expect.poll(() => calls, { timeout: 20_000 }).toContain('gated-paused');
      await order(handle, 'pause', { why: 'the warehouse is moved' });
      expect(await answer(handle)).toMatchObject({ state: 'paused', paused: { by: 'anna@desk', why: 'the warehouse is moved' } });
      opened.add('paused');
      await reaches(handle, 'right', 'waiting');
      expect(await step(handle, 'gated')).toMatchObject({ state: 'succeeded' });
      expect(calls).not.toContain('right-paused');
      expect(await attribute(handle)).toBe('paused');
      await order(handle, 'resume', {});
      expect(await handle.result()).toBe(4);
    });

    it('cleans up when it is cancelled while it is paused', async () => {
      const handle = await start('gatedSteps', 'abandoned', {});
      await expect.poll(() => calls, { timeout: 20_000 }).toContain('gated-abandoned');
      await order(handle, 'pause', {});
      await handle.cancel();
      await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
      expect(calls).toContain('tidy-abandoned-cancelled');
    });
  });

  it('refuses what is not possible, and says what is', async () => {
    broken.add('left-refused');
    const handle = await start('branches', 'refused');
    await reaches(handle, 'sides.left', 'held');
    expect(await refusal(handle, 'retry', { step: 'sides.lef' })).toBe('there is no step sides.lef. Possible now: sides.left (held)');
    expect(await refusal(handle, 'fail', { step: 'sides.right' })).toMatch(/^step sides\.right is succeeded: there is nothing to fail\. Possible now: sides\.left \(held\)/);
    expect(await refusal(handle, 'skip', { step: 'sides.left' })).toMatch(/needs a reason/);
    expect(await refusal(handle, 'retry', { step: 'sides.left', by: ' ' })).toMatch(/needs the name/);
    expect(await refusal(handle, 'resume', {})).toBe('the run is not paused');
    await order(handle, 'pause', {});
    expect(await refusal(handle, 'pause', {})).toMatch(/^the run is paused already, since .* by anna@desk$/);
    expect(await refusal(handle, 'approve', { name: 'deploy' })).toMatch(/Nothing waits for approval/);
    await order(handle, 'resume', {});
    await order(handle, 'fail', { step: 'sides.left' });
    await handle.result().catch(() => undefined);
    // Refusals leave nothing in the history.
    expect((await handle.fetchHistory()).events!.filter((event) => event.workflowExecutionUpdateAcceptedEventAttributes)).toHaveLength(3);
  });

  it('refuses run options that it does not understand, instead of ignoring them', async () => {
    const handle = await start('branches', 'misspelt', { onStepFailure: 'wait' });
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'BAD_PARAMS', message: expect.stringContaining('onStepFailure') as string } });
    const duration = await start('branches', 'misspelt-too', { holdFor: 'a while' });
    await expect(duration.result()).rejects.toMatchObject({ cause: { type: 'BAD_PARAMS', message: expect.stringContaining('"a while" is not a duration') as string } });
  });

  it('replays every one of these runs', async () => {
    expect(handles.length).toBeGreaterThan(10);
    for (const { workflowId } of handles) {
      const history = await client.workflow.getHandle(workflowId).fetchHistory();
      await expect(Worker.runReplayHistory({ workflowBundle: bundle }, history, workflowId)).resolves.toBeUndefined();
    }
  });
});
