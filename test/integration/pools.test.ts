import type { ChildProcess } from 'node:child_process';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { StepEntry } from '../../src/durable/step-table.js';
import { OPERATOR_UPDATES, STEPS_QUERY, type StepsAnswer } from '../../src/steps/operator-protocol.js';
import { SET_SIZE_UPDATE, poolWorkflowId, type PoolView } from '../../src/steps/pool-protocol.js';
import { locateTemporal } from '../servers/temporal.js';
import { mostInside, startPoolStack, type PoolStack, type Seen } from '../support/pool-stack.js';
import { replayAll } from '../support/replay-all.js';
import { describeWithServer } from '../support/with-server.js';

/** Long enough for a busy machine to renew in time. */
const LEASE_MS = 4500;
/** After a kill: the last renewal was up to a third of a lease before. */
const LEAST_WAIT_MS = (LEASE_MS * 2) / 3 - 200;
const PATIENCE = { timeout: 60_000, interval: 50 };

describeWithServer('pools', locateTemporal, () => {
  let stack: PoolStack;
  let workers: ChildProcess[];
  beforeAll(async () => {
    stack = await startPoolStack();
    workers = await Promise.all([stack.worker(), stack.worker()]);
  });
  afterAll(() => stack?.stop());

  const waiting = async (pool: string): Promise<string[]> => (await stack.view(pool)).waiting.map(({ workflowId }) => workflowId);
  const stepsOf = async (run: WorkflowHandle): Promise<StepEntry[]> => (await run.query<StepsAnswer>(STEPS_QUERY)).steps;
  const setSize = (pool: string, size: number): Promise<PoolView> =>
    stack.client.workflow.getHandle(poolWorkflowId(pool)).executeUpdate<PoolView, [{ size: number; by: string }]>(SET_SIZE_UPDATE, { args: [{ size, by: 'anna@test' }] });
  const of = async (prefix: string): Promise<Seen[]> => (await stack.seen()).filter(({ what, name }) => what === 'killed' || name.startsWith(prefix));
  const entered = async (prefix: string): Promise<string[]> => (await of(prefix)).filter(({ what }) => what === 'in').map(({ name }) => name);
  const killedAt = async (worker: number): Promise<number> => (await stack.seen()).find(({ what, pid }) => what === 'killed' && pid === worker)!.at;
  const owner = (pid: number): ChildProcess => workers.find((worker) => worker.pid === pid)!;

  /** Kills that worker and starts another one. */
  const kill = async (pid: number): Promise<void> => {
    const killed = owner(pid);
    await stack.kill(killed);
    workers = [...workers.filter((worker) => worker !== killed), await stack.worker()];
  };

  it('let never more steps run at once than they have slots, over many runs and worker processes', async () => {
    await stack.pool('two', { size: 2, leaseMs: LEASE_MS });
    const names = Array.from({ length: 12 }, (_, run) => [`two-${run}a`, `two-${run}b`]);
    const runs = await Promise.all(names.map((pair) => stack.run({ pool: 'two', names: pair })));
    const tokens = (await Promise.all(runs.map((run) => run.result()))).flat() as number[];
    expect(new Set(tokens).size).toBe(24);
    expect(mostInside(await of('two-'))).toBe(2);
    await expect.poll(async () => (await stack.view('two')).holders, PATIENCE).toEqual([]);
  }, 60_000);

  it('are started by the first run that needs them, with the size of the catalog', async () => {
    const runs = await Promise.all(['first', 'second', 'third'].map((name) => stack.run({ pool: 'warehouse', names: [`start-${name}`] })));
    await Promise.all(runs.map((run) => run.result()));
    expect(await stack.view('warehouse')).toMatchObject({ pool: 'warehouse', size: 2, leaseMs: 30_000 });
  });

  it('that nobody has made fail the step at once, and say how to make them', async () => {
    const run = await stack.run({ pool: 'nowhere', names: ['never'] });
    const error: unknown = await run.result().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WorkflowFailedError);
    expect((error as WorkflowFailedError).cause).toMatchObject({ type: 'BAD_PARAMS', message: expect.stringMatching(/no pool nowhere.*millrace pools set nowhere/) as string });
    expect(await stack.seen('never')).toEqual([]);
  });

  it('leave steps without a pool as they were', async () => {
    const run = await stack.run({ pool: 'none', names: [] }, { workflow: 'unpooled' });
    await run.result();
    const { events } = await run.fetchHistory();
    expect(events!.some((event) => event.signalExternalWorkflowExecutionInitiatedEventAttributes ?? event.timerStartedEventAttributes)).toBe(false);
  });

  it('give the slot of a worker that was killed to the next step after the lease, and not before', async () => {
    await stack.pool('killed', { size: 1, leaseMs: LEASE_MS });
    await stack.hold('killed-victim');
    // Its next attempt is far away, so that only the lease can free the slot.
    const victim = await stack.run({ pool: 'killed', names: ['killed-victim'], options: { heartbeatTimeout: '1s', retry: { initialInterval: '1h' } } });
    const { pid } = await stack.saw('in', 'killed-victim');
    const next = await stack.run({ pool: 'killed', names: ['killed-next'] });
    await expect.poll(() => waiting('killed'), PATIENCE).toEqual([next.workflowId]);
    await kill(pid);
    await next.result();
    expect((await stack.saw('in', 'killed-next')).at - (await killedAt(pid))).toBeGreaterThan(LEAST_WAIT_MS);
    expect(mostInside(await of('killed-'))).toBe(1);
    await victim.terminate();
  }, 60_000);

  it('keep the slot for the next attempt of a killed step, which starts when the lease of the one before is over', async () => {
    await stack.pool('moved', { size: 1, leaseMs: LEASE_MS });
    await stack.hold('moved-step');
    const run = await stack.run({ pool: 'moved', names: ['moved-step'], options: { heartbeatTimeout: '1s', retry: { initialInterval: '100ms' } } });
    const { pid, token } = await stack.saw('in', 'moved-step');
    const other = await stack.run({ pool: 'moved', names: ['moved-other'] });
    await expect.poll(() => waiting('moved'), PATIENCE).toEqual([other.workflowId]);
    await kill(pid);
    await stack.letGo('moved-step');
    expect(await run.result()).toEqual([token]);
    const second = (await of('moved-step')).findLast(({ what }) => what === 'in')!;
    expect(second.at - (await killedAt(pid))).toBeGreaterThan(LEAST_WAIT_MS);
    await other.result();
    expect(await entered('moved-')).toEqual(['moved-step', 'moved-step', 'moved-other']);
    expect(mostInside(await of('moved-'))).toBe(1);
  }, 60_000);

  it('keep the next attempt of a step waiting for one whose worker is only frozen, and stop that one when it wakes up', async () => {
    // Longer, since tasks that the frozen worker is given are lost for a second each.
    await stack.pool('woken', { size: 1, leaseMs: 3 * LEASE_MS });
    await stack.hold('woken-step');
    const run = await stack.run({ pool: 'woken', names: ['woken-step'], options: { heartbeatTimeout: '1s', retry: { initialInterval: '100ms' } } });
    const { pid } = await stack.saw('in', 'woken-step');
    const frozen = owner(pid);
    frozen.kill('SIGSTOP');
    const frozenAt = Date.now();
    await expect.poll(async () => (await entered('woken-')).length, PATIENCE).toBe(2);
    expect(Date.now() - frozenAt).toBeGreaterThan(3 * LEAST_WAIT_MS);
    frozen.kill('SIGCONT');
    expect(await stack.saw('stopped', 'woken-step')).toMatchObject({ pid });
    await stack.letGo('woken-step');
    await run.result();
    const outs = (await of('woken-')).filter(({ what }) => what === 'out');
    expect(outs).toHaveLength(1);
    expect(outs[0]!.pid).not.toBe(pid);
  }, 60_000);

  it('take the slot from a worker that was frozen, and refuse the result of its attempt when it wakes up', async () => {
    await stack.pool('frozen', { size: 1, leaseMs: LEASE_MS });
    await stack.hold('frozen-stale');
    // Nothing but the lease tells the two attempts apart: no heartbeat timeout, no retry.
    const run = await stack.run({ pool: 'frozen', names: ['frozen-stale'] });
    const { pid, token } = await stack.saw('in', 'frozen-stale');
    const frozen = owner(pid);
    frozen.kill('SIGSTOP');
    await stack.hold('frozen-other');
    // The frozen worker may still be given tasks: its polls are open.
    const other = await stack.run({ pool: 'frozen', names: ['frozen-other'], options: { heartbeatTimeout: '1s', retry: { initialInterval: '100ms', backoffCoefficient: 1 } } });
    expect((await stack.saw('in', 'frozen-other')).token).toBeGreaterThan(token);
    await stack.letGo('frozen-stale');
    frozen.kill('SIGCONT');
    // It may not go on before the other one gives the slot back.
    await expect.poll(() => waiting('frozen'), PATIENCE).toEqual([run.workflowId]);
    await stack.letGo('frozen-other');
    const [otherToken] = (await other.result()) as number[];
    const [newToken] = (await run.result()) as number[];
    expect(newToken).toBeGreaterThan(otherToken!);
    const { events } = await run.fetchHistory();
    const failures = events!.flatMap((event) => event.activityTaskFailedEventAttributes?.failure?.applicationFailureInfo?.type ?? []);
    expect(failures).toEqual(['POOL_LEASE_LOST']);
  }, 60_000);

  it('cancel an attempt before its lease is over when its worker cannot reach the pool any more', async () => {
    await stack.pool('gone', { size: 1, leaseMs: LEASE_MS });
    await stack.hold('gone-step');
    const run = await stack.run({ pool: 'gone', names: ['gone-step'], options: { retry: { maximumAttempts: 1 } } });
    await stack.saw('in', 'gone-step');
    await stack.client.workflow.getHandle(poolWorkflowId('gone')).terminate();
    await stack.saw('stopped', 'gone-step');
    await expect(run.result()).rejects.toMatchObject({ cause: { cause: { type: 'POOL_LEASE_LOST' } } });
    await stack.letGo('gone-step');
  }, 60_000);

  it('lend the slot of a step that waits for its retry to others; its attempts go on being counted', async () => {
    await stack.pool('lent', { size: 1, leaseMs: 500 });
    await stack.fail('lent-failing');
    const failing = await stack.run({ pool: 'lent', names: ['lent-failing'], activity: 'failOnce', options: { retry: { initialInterval: '4s', backoffCoefficient: 1, maximumAttempts: 2 } } });
    await stack.saw('out', 'lent-failing');
    await stack.hold('lent-other');
    const other = await stack.run({ pool: 'lent', names: ['lent-other'] });
    await stack.saw('in', 'lent-other');
    await expect.poll(() => waiting('lent'), PATIENCE).toEqual([failing.workflowId]);
    await stack.letGo('lent-other');
    await other.result();
    await expect(failing.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    expect(await entered('lent-failing')).toHaveLength(2);
    expect(mostInside(await of('lent-'))).toBe(1);
  }, 60_000);

  it('leave a step that waits for its retry its slot when nobody else wants it', async () => {
    await stack.pool('kept', { size: 1, leaseMs: 500 });
    await stack.fail('kept-failing');
    const run = await stack.run({ pool: 'kept', names: ['kept-failing'], activity: 'failOnce', options: { retry: { initialInterval: '2s', maximumAttempts: 2 } } });
    await expect(run.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    const tokens = (await of('kept-')).filter(({ what }) => what === 'in').map(({ token }) => token);
    expect(tokens).toEqual([tokens[0], tokens[0]]);
  });

  it('take a new size at once: more slots for those who wait, fewer after those who hold have ended', async () => {
    await stack.pool('sized', { size: 1, leaseMs: LEASE_MS });
    const names = ['sized-1', 'sized-2', 'sized-3', 'sized-4'];
    await stack.hold(...names);
    const runs = [];
    for (const name of names) {
      runs.push(await stack.run({ pool: 'sized', names: [name] }));
      await expect.poll(async () => (await waiting('sized')).length, PATIENCE).toBe(runs.length - 1);
    }
    expect(await setSize('sized', 3)).toMatchObject({ size: 3, set: { by: 'anna@test' } });
    await Promise.all([stack.saw('in', 'sized-2'), stack.saw('in', 'sized-3')]);
    await setSize('sized', 1);
    await stack.letGo('sized-1');
    await runs[0]!.result();
    expect(await waiting('sized')).toEqual([runs[3]!.workflowId]);
    await stack.letGo(...names);
    await Promise.all(runs.map((run) => run.result()));
    expect(await entered('sized-')).toEqual(expect.arrayContaining(names));
    expect(mostInside(await of('sized-'))).toBe(3);
    await expect(setSize('sized', 1.5)).rejects.toMatchObject({ cause: { message: expect.stringMatching(/whole number of slots/) as string } });
  }, 60_000);

  it('let the most urgent go first, and equals in the order in which they came', async () => {
    await stack.pool('urgent', { size: 1, leaseMs: LEASE_MS });
    await stack.hold('urgent-holder');
    const runs = [await stack.run({ pool: 'urgent', names: ['urgent-holder'] })];
    await stack.saw('in', 'urgent-holder');
    for (const [name, priority] of [['low', 5], ['first', undefined], ['second', undefined], ['high', 1]] as const) {
      runs.push(await stack.run({ pool: 'urgent', names: [`urgent-${name}`] }, { runOptions: priority === undefined ? {} : { priority } }));
      await expect.poll(async () => (await waiting('urgent')).length, PATIENCE).toBe(runs.length - 1);
    }
    await stack.letGo('urgent-holder');
    await Promise.all(runs.map((run) => run.result()));
    expect((await runs[4]!.describe()).priority).toMatchObject({ priorityKey: 1 });
    expect(await entered('urgent-')).toEqual(['urgent-holder', 'urgent-high', 'urgent-first', 'urgent-second', 'urgent-low']);
  }, 60_000);

  it('forget a run that is cancelled while it waits, and pass over one that was terminated', async () => {
    await stack.pool('left', { size: 1, leaseMs: LEASE_MS });
    await stack.hold('left-holder');
    const holder = await stack.run({ pool: 'left', names: ['left-holder'] });
    await stack.saw('in', 'left-holder');
    const runs: WorkflowHandle[] = [];
    for (const name of ['cancelled', 'terminated', 'patient']) {
      runs.push(await stack.run({ pool: 'left', names: [`left-${name}`] }));
      await expect.poll(async () => (await waiting('left')).length, PATIENCE).toBe(runs.length);
    }
    const [cancelled, terminated, patient] = runs as [WorkflowHandle, WorkflowHandle, WorkflowHandle];
    await cancelled.cancel();
    await expect(cancelled.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    await expect.poll(() => waiting('left'), PATIENCE).toEqual([terminated.workflowId, patient.workflowId]);
    await terminated.terminate();
    await stack.letGo('left-holder');
    await Promise.all([holder.result(), patient.result()]);
    expect(await entered('left-')).toEqual(['left-holder', 'left-patient']);
  }, 60_000);

  it('give a slot back when its step is cancelled', async () => {
    await stack.pool('stopped', { size: 1, leaseMs: 60_000 });
    await stack.hold('stopped-holder');
    const holder = await stack.run({ pool: 'stopped', names: ['stopped-holder'], options: { heartbeatTimeout: '2s' } });
    await stack.saw('in', 'stopped-holder');
    const next = await stack.run({ pool: 'stopped', names: ['stopped-next'] });
    await holder.cancel();
    await next.result();
    expect(mostInside(await of('stopped-'))).toBe(1);
  }, 60_000);

  it('give the slot of a step that is held to others, and let it wait for one when it is retried', async () => {
    await stack.pool('held', { size: 1, leaseMs: LEASE_MS });
    await stack.fail('held-step');
    const run = await stack.run({ pool: 'held', names: ['held-step'], activity: 'failOnce', options: { retry: { maximumAttempts: 1 } } }, { runOptions: { onStepFailure: 'hold' } });
    await expect.poll(() => stepsOf(run), PATIENCE).toMatchObject([{ id: 'failOnce', state: 'held' }]);
    await stack.hold('held-other');
    const other = await stack.run({ pool: 'held', names: ['held-other'] });
    await stack.saw('in', 'held-other');
    await stack.repair('held-step');
    await run.executeUpdate(OPERATOR_UPDATES.retry, { args: [{ by: 'anna@test', step: 'failOnce' }] });
    await expect.poll(() => waiting('held'), PATIENCE).toEqual([run.workflowId]);
    expect(await stepsOf(run)).toMatchObject([{ state: 'waiting', message: 'waits for a slot of pool held' }]);
    await stack.letGo('held-other');
    await other.result();
    expect(await run.result()).toEqual(['attempt 1']);
  }, 60_000);

  it('pass over a run that was paused while it waited, until it is resumed', async () => {
    await stack.pool('paused', { size: 1, leaseMs: LEASE_MS });
    await stack.hold('paused-holder');
    const holder = await stack.run({ pool: 'paused', names: ['paused-holder'] });
    await stack.saw('in', 'paused-holder');
    const run = await stack.run({ pool: 'paused', names: ['paused-step'] });
    await expect.poll(() => waiting('paused'), PATIENCE).toEqual([run.workflowId]);
    await run.executeUpdate(OPERATOR_UPDATES.pause, { args: [{ by: 'anna@test' }] });
    await stack.letGo('paused-holder');
    await holder.result();
    await expect.poll(() => stepsOf(run), PATIENCE).toMatchObject([{ state: 'waiting', message: 'the run is paused' }]);
    await expect.poll(async () => (await stack.view('paused')).holders, PATIENCE).toEqual([]);
    await run.executeUpdate(OPERATOR_UPDATES.resume, { args: [{ by: 'anna@test' }] });
    await run.result();
    expect(await entered('paused-step')).toHaveLength(1);
  }, 60_000);

  it('leave the slot to its lease when nobody can know that the last attempt has ended', async () => {
    await stack.pool('unknown', { size: 1, leaseMs: LEASE_MS });
    await stack.hold('unknown-deaf');
    // Without heartbeats the attempt does not hear of its timeout, and goes on.
    const run = await stack.run({ pool: 'unknown', names: ['unknown-deaf'], options: { startToCloseTimeout: '1s', retry: { maximumAttempts: 1 } } });
    await expect(run.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    const other = await stack.run({ pool: 'unknown', names: ['unknown-other'] });
    await expect.poll(() => waiting('unknown'), PATIENCE).toEqual([other.workflowId]);
    await stack.letGo('unknown-deaf');
    await other.result();
    expect(mostInside(await of('unknown-'))).toBe(1);
  }, 60_000);

  it('go on as new runs with their holders and their queue when their history is long', async () => {
    await stack.pool('long', { size: 1, leaseMs: LEASE_MS, eventsPerRun: 40 });
    const first = (await stack.client.workflow.getHandle(poolWorkflowId('long')).describe()).runId;
    await stack.hold('long-0');
    const names = Array.from({ length: 10 }, (_, index) => `long-${index}`);
    const runs = [await stack.run({ pool: 'long', names: ['long-0'] })];
    const { token } = await stack.saw('in', 'long-0');
    for (const name of names.slice(1)) runs.push(await stack.run({ pool: 'long', names: [name] }));
    const now = async (): Promise<string> => (await stack.client.workflow.getHandle(poolWorkflowId('long')).describe()).runId;
    await expect.poll(now, PATIENCE).not.toBe(first);
    await expect.poll(async () => (await waiting('long')).length, PATIENCE).toBe(9);
    expect((await stack.view('long')).holders).toMatchObject([{ token }]);
    await stack.letGo('long-0');
    const tokens = (await Promise.all(runs.map((run) => run.result()))).flat();
    expect(tokens[0]).toBe(token);
    expect(mostInside(await of('long-'))).toBe(1);
  }, 60_000);

  it('replay every history of these tests', async () => {
    // Pools that went on as new runs count once for each of them.
    expect(await replayAll(stack.client, { workflowBundle: stack.bundle, replayName: 'pools' })).toBeGreaterThan(70);
  }, 240_000);
});
