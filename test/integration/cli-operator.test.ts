import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { readRun } from '../../src/runs/follow-run.js';
import { resolveRun } from '../../src/runs/resolve-run.js';
import type { RunView, StepView } from '../../src/runs/run-view.js';
import { MillracePlugin } from '../../src/steps/plugin.js';
import type { OperatorTestActivities } from '../fixtures/cli-operator-workflows.js';
import { locateTemporal, startTemporal, type TemporalServer } from '../servers/temporal.js';
import { millrace } from '../support/millrace-command.js';
import { describeWithServer } from '../support/with-server.js';

// Every command is a process of its own, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 180_000 });
const POLL = { timeout: 60_000, interval: 200 } as const;

/** Every order of an operator by the command itself, on runs that are broken on purpose. */
describeWithServer("an operator's commands", locateTemporal, () => {
  let server: TemporalServer;
  let worker: Worker | undefined;
  let working: Promise<void>;
  let folder: string;
  let env: Record<string, string>;
  /** Days whose clicks fail for good, fail for now, or run until they are let go. */
  const forbidden = new Set<string>();
  const failing = new Set<string>();
  const running = new Set<string>();

  const cli = (...args: string[]) => millrace(args, env);
  const json = async (...args: string[]) => JSON.parse((await cli(...args, '--json')).stdout) as unknown;
  /** What `status` is made of: a process for every look would take a minute. */
  const look = async (workflowId: string): Promise<RunView> => {
    const { client } = server.env;
    return readRun(client, (await resolveRun(client, workflowId))!, { ask: true });
  };
  const step = (run: RunView, id: string): StepView | undefined => run.steps.find((candidate) => candidate.id === id);
  const run = (day: string): string => `ecommerce-daily-${day}`;

  /** Starts a run and waits until its clicks are in a state. */
  async function broken(day: string, state: StepView['state'], ...options: string[]): Promise<string> {
    expect(await cli('run', 'ecommerce-daily', '--date', day, ...options)).toMatchObject({ code: 0, stderr: '' });
    await expect.poll(async () => step(await look(run(day)), 'extract.extractClicks')?.state, POLL).toBe(state);
    return run(day);
  }

  const ended = (name: string) => expect.poll(async () => (await look(name)).state, POLL);

  async function startWorker(): Promise<void> {
    worker = await Worker.create({
      connection: server.env.nativeConnection,
      namespace: server.namespace,
      taskQueue: 'millrace',
      workflowsPath: fileURLToPath(new URL('../fixtures/cli-operator-workflows.ts', import.meta.url)),
      activities: activities(),
      plugins: [new MillracePlugin()],
      shutdownGraceTime: '1s',
    });
    working = worker.run();
  }

  async function stopWorker(): Promise<void> {
    worker?.shutdown();
    worker = undefined;
    await working;
  }

  function activities(): OperatorTestActivities {
    return {
      async extractSales({ label }) {
        return { uri: `file:///${label}`, format: 'parquet', rows: 3108, bytes: 1, schema: '0'.repeat(16), madeBy: { pipeline: 'ecommerce-daily', step: 'extract.extractSales', run: 'r', attempt: 1 } };
      },
      async extractClicks({ label }) {
        const { cancellationSignal, sleep } = Context.current();
        while (running.has(label) && !cancellationSignal.aborted) await sleep(50);
        if (forbidden.has(label)) throw ApplicationFailure.nonRetryable('this token may not read clicks', 'SOURCE_FORBIDDEN');
        if (failing.has(label)) throw ApplicationFailure.retryable('clicks do not answer', 'SOURCE_UNAVAILABLE');
        return { rows: 42 };
      },
      async publishOrders(_interval, clicks) {
        return { published: clicks.rows };
      },
    };
  }

  beforeAll(async () => {
    [server, folder] = await Promise.all([startTemporal(), mkdtemp(join(tmpdir(), 'millrace-operator-'))]);
    env = { TEMPORAL_ADDRESS: server.address, MILLRACE_HOME: join(folder, 'home'), USER: 'anna' };
    await startWorker();
  });
  afterAll(async () => {
    await stopWorker();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('a held step is shown with its reason, its bound and the next commands, and runs on after a retry', async () => {
    forbidden.add('2010-12-01');
    const name = await broken('2010-12-01', 'held', '--on-failure', 'hold', '--hold-for', '12h');
    const held = (await json('status', name)) as RunView;
    expect(held).toMatchObject({ state: 'running', standstill: 'held' });
    expect(step(held, 'extract.extractClicks')).toMatchObject({ attempts: 1, error: { type: 'SOURCE_FORBIDDEN' }, heldUntil: expect.any(String) as string });
    const hours = (Date.parse(step(held, 'extract.extractClicks')!.heldUntil!) - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(11.9);
    expect(hours).toBeLessThan(12);

    const { stdout } = await cli('status', name);
    expect(stdout).toMatch(/^extract +held/m);
    expect(stdout).toMatch(/^ {2}extractSales +succeeded +1 .* 3108/m);
    expect(stdout).toMatch(/held at extract\.extractClicks until \d{4}-.*then it fails: SOURCE_FORBIDDEN: this token may not read clicks/);
    expect(stdout).toContain(`millrace retry ${name} extract.extractClicks\n`);
    expect(stdout).toContain(`millrace skip ${name} extract.extractClicks --result JSON --why REASON\n`);

    const found = (await json('runs', '--state', 'held')) as { workflowId: string; standstill: string }[];
    expect(found).toMatchObject([{ workflowId: name, standstill: 'held' }]);

    forbidden.delete('2010-12-01');
    expect(await cli('retry', name, 'extractClicks', '--why', 'new token')).toMatchObject({ code: 0, stderr: '', stdout: `extract.extractClicks runs now; see it: millrace watch ${name}\n` });
    expect((await cli('watch', name)).code).toBe(0);
    const completed = await look(name);
    expect(completed).toMatchObject({ state: 'completed', result: { published: 42 } });
    expect(step(completed, 'extract.extractClicks')).toMatchObject({ state: 'succeeded', attempts: 1, rows: 42, message: expect.stringMatching(/^sent on by \S+@\S+: new token$/) as string });
    expect(completed.steps.map(({ id }) => id)).toEqual(['extract.extractSales', 'extract.extractClicks', 'publishOrders']);
  });

  it('a step that waits for its next attempt runs now, and its attempts start again', async () => {
    failing.add('2010-12-02');
    const name = await broken('2010-12-02', 'retrying');
    expect((await cli('status', name)).stdout).toMatch(new RegExp(`retrying extract\\.extractClicks after attempt 1, next try .*\\nNext +millrace retry ${name} extract\\.extractClicks\\n`));
    failing.delete('2010-12-02');
    expect(await cli('retry', name, 'extract.extractClicks')).toMatchObject({ code: 0 });
    await ended(name).toBe('completed');
    expect(step(await look(name), 'extract.extractClicks')).toMatchObject({ attempts: 1, state: 'succeeded' });
  });

  it('a step that runs at this moment is not retried, and an order for a step that is not there names those that are', async () => {
    running.add('2010-12-03');
    const name = await broken('2010-12-03', 'running');
    expect(await cli('retry', name, 'extractClicks')).toMatchObject({ code: 6, stderr: expect.stringMatching(/extract\.extractClicks runs at this moment/) as string });
    expect(await cli('retry', name, 'extractClick')).toMatchObject({ code: 3, stderr: expect.stringMatching(/no step extractClick — did you mean extractClicks/) as string });
    expect(await cli('retry', name, 'extractSales')).toMatchObject({ code: 6, stderr: expect.stringMatching(/extract\.extractSales is succeeded: there is nothing to retry\. Possible now: extract\.extractClicks/) as string });
    running.delete('2010-12-03');
    await ended(name).toBe('completed');
    expect(await cli('retry', name, 'extractClicks')).toMatchObject({ code: 6, stderr: expect.stringMatching(/has ended: completed/) as string });
  });

  it('a step is skipped with a result of its own, by whom and why, also when no worker is left to ask', async () => {
    forbidden.add('2010-12-04');
    const name = await broken('2010-12-04', 'held', '--on-failure', 'hold');
    expect(await cli('skip', name, 'extractClicks')).toMatchObject({ code: 2, stderr: expect.stringMatching(/'--why <reason>' not specified/) as string });
    expect(await cli('skip', name, 'extractClicks', '--why', 'x', '--result', '{rows')).toMatchObject({ code: 2, stderr: expect.stringMatching(/--result is not JSON/) as string });
    expect(await cli('skip', name, 'extractClicks', '--result', '{"rows":0}', '--why', 'ticket 812')).toMatchObject({ code: 0, stderr: '' });
    await ended(name).toBe('completed');
    const skipped = { state: 'skipped', message: expect.stringMatching(/^skipped by \S+@\S+: ticket 812$/) as string };
    const completed = await look(name);
    expect(step(completed, 'extract.extractClicks')).toMatchObject({ ...skipped, kind: 'activity', rows: 0 });
    expect(step(completed, 'sessions')).toMatchObject({ kind: 'branch', state: 'skipped', message: 'no clicks' });
    expect(completed.result).toEqual({ published: 0 });

    await stopWorker();
    const alone = await look(name);
    expect(step(alone, 'extract.extractClicks')).toMatchObject(skipped);
    expect(step(alone, 'sessions')).toBeUndefined();
    await startWorker();
  });

  it('a hold ends with `fail`, and the run with it', async () => {
    forbidden.add('2010-12-05');
    const name = await broken('2010-12-05', 'held', '--on-failure', 'hold');
    expect(await cli('fail', name, 'extractClicks', '--why', 'not today')).toMatchObject({ code: 0 });
    await ended(name).toBe('failed');
    expect(await look(name)).toMatchObject({ failure: { step: 'extract.extractClicks', type: 'SOURCE_FORBIDDEN' } });
    expect(await cli('retry', name, 'extractClicks')).toMatchObject({ code: 6, stderr: expect.stringMatching(/has ended: failed — .*millrace rerun ecommerce-daily-2010-12-05/) as string });
  });

  it('a paused run starts no new step, says who paused it, and goes on', async () => {
    running.add('2010-12-06');
    const name = await broken('2010-12-06', 'running');
    expect(await cli('pause', name, '--why', 'warehouse moves')).toMatchObject({ code: 0, stderr: '' });
    running.delete('2010-12-06');
    await expect.poll(async () => step(await look(name), 'publishOrders'), POLL).toMatchObject({ state: 'waiting', attempts: 0, message: 'the run is paused' });
    const { stdout } = await cli('status', name);
    expect(stdout).toMatch(/^ecommerce-daily 2010-12-06 {2}paused for/);
    expect(stdout).toMatch(new RegExp(`paused by \\S+@\\S+ since .*: warehouse moves\\nNext +millrace resume ${name}\\n`));
    expect(await cli('pause', name)).toMatchObject({ code: 6, stderr: expect.stringMatching(/paused already/) as string });
    expect(await cli('resume', name)).toMatchObject({ code: 0 });
    await ended(name).toBe('completed');
    expect(await cli('pause')).toMatchObject({ code: 2, stderr: expect.stringMatching(/either a RUN or --all/) as string });
  });

  it('all open runs are paused and resumed at once', async () => {
    for (const day of ['2010-12-07', '2010-12-08']) {
      running.add(day);
      await broken(day, 'running');
    }
    expect(await json('pause', '--all', '--why', 'night')).toMatchObject([{ outcome: 'done' }, { outcome: 'done' }]);
    expect(await json('pause', '--all')).toMatchObject([{ outcome: 'refused' }, { outcome: 'refused' }]);
    running.clear();
    expect(await json('runs', '--state', 'paused')).toHaveLength(2);
    expect(await cli('resume', '--all')).toMatchObject({ code: 0, stderr: '' });
    for (const day of ['2010-12-07', '2010-12-08']) await ended(run(day)).toBe('completed');
  });

  it('an approval is shown, given by name, and refused with a reason', async () => {
    const { client } = server.env;
    const approved = await client.workflow.start('ecommerceDaily', { taskQueue: 'millrace', workflowId: 'ecommerce-daily-approved', args: [{ date: '2010-12-09', approve: true }] });
    await expect.poll(async () => step(await look(approved.workflowId), 'release'), POLL).toMatchObject({ kind: 'approval', state: 'waiting', message: '42 clicks' });
    expect((await cli('status', approved.workflowId)).stdout).toMatch(/waiting for approval of release: 42 clicks\nNext +millrace approve ecommerce-daily-approved release\n/);
    expect(await cli('approve', approved.workflowId, 'releas')).toMatchObject({ code: 6, stderr: expect.stringMatching(/no approval "releas" is open\. Waiting for approval: release/) as string });
    expect(await cli('reject', approved.workflowId, 'release')).toMatchObject({ code: 2 });
    expect(await cli('approve', approved.workflowId, 'release', '--why', 'looks right')).toMatchObject({ code: 0, stderr: '' });
    await ended(approved.workflowId).toBe('completed');

    const rejected = await client.workflow.start('ecommerceDaily', { taskQueue: 'millrace', workflowId: 'ecommerce-daily-rejected', args: [{ date: '2010-12-10', approve: true }] });
    await expect.poll(async () => step(await look(rejected.workflowId), 'release')?.state, POLL).toBe('waiting');
    expect(await cli('reject', rejected.workflowId, 'release', '--why', 'too few')).toMatchObject({ code: 0 });
    await ended(rejected.workflowId).toBe('failed');
    expect((await look(rejected.workflowId)).failure).toMatchObject({ type: 'APPROVAL_REJECTED', message: expect.stringMatching(/too few/) as string });
  });

  it('a running step is ended by `cancel`, and the run as cancelled', async () => {
    running.add('2010-12-12');
    const name = await broken('2010-12-12', 'running');
    expect(await cli('cancel', name, '--why', 'wrong day')).toMatchObject({ code: 0 });
    await ended(name).toBe('cancelled');
  });

  it('without a worker the history is shown at once, and an order says that nobody answers', async () => {
    forbidden.add('2010-12-13');
    const name = await broken('2010-12-13', 'held', '--on-failure', 'hold');
    await stopWorker();
    const alone = await look(name);
    expect(alone).toMatchObject({ standstill: 'held' });
    expect(step(alone, 'extract.extractClicks')).toMatchObject({ state: 'failed', error: { type: 'SOURCE_FORBIDDEN' } });
    expect(await cli('retry', name, 'extractClicks')).toMatchObject({ code: 7, stderr: expect.stringMatching(/no worker has answered .* within 10 s; .* — see millrace doctor/) as string });
    expect(await json('pause', '--all')).toMatchObject([{ workflowId: name, outcome: 'unreachable' }]);
    await server.env.client.workflow.getHandle(name).terminate();
    await startWorker();
  });

  it('run options stand in the memo of the run, and nonsense is refused before it starts', async () => {
    const name = await broken('2010-12-14', 'succeeded', '--on-failure', 'hold', '--hold-for', '12h', '--deadline', '2h', '--priority', '2', '--alerts', 'mail:warning,slack:error');
    const { memo } = await server.env.client.workflow.getHandle(name).describe();
    expect(memo).toEqual({
      millrace: { onStepFailure: 'hold', holdFor: '12h', deadline: '2h', priority: 2, alerts: [{ channel: 'mail', atLeast: 'warning' }, { channel: 'slack', atLeast: 'error' }] },
    });
    expect(await cli('run', 'ecommerce-daily', '--on-failure', 'stop')).toMatchObject({ code: 2, stderr: expect.stringMatching(/--on-failure does not know stop — use one of hold, fail/) as string });
  });
});
