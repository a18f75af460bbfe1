import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker, bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { vi } from 'vitest';
import { MillracePlugin } from '../../src/steps/plugin.js';
import { POOL_QUERY, POOL_WORKFLOW, poolWorkflowId, type PoolView } from '../../src/steps/pool-protocol.js';
import { newPool, type PoolState } from '../../src/steps/pool-state.js';
import { RUN_OPTIONS_MEMO, type RunOptions } from '../../src/steps/run-options.js';
import type { PooledParams } from '../fixtures/pool-workflows.js';
import { startTemporal } from '../servers/temporal.js';

const TASK_QUEUE = 'pools';
const WORKER = fileURLToPath(new URL('pool-worker.ts', import.meta.url));

/** A line of the witness: what a step wrote while it was inside, in the order in which it happened. */
export interface Seen {
  what: string;
  pid: number;
  name: string;
  token: number;
  /** Milliseconds since 1970. */
  at: number;
}

/** Temporal, a worker for workflows in this process, and worker processes for the steps, which a test kills or freezes. */
export interface PoolStack {
  client: Client;
  address: string;
  taskQueue: string;
  bundle: WorkflowBundleWithSourceMap;
  /** Starts a pool with a lease that a test can wait for. */
  pool(name: string, state: Partial<PoolState> & { size: number }): Promise<void>;
  view(name: string): Promise<PoolView>;
  run(params: PooledParams, options?: { workflow?: string; runOptions?: RunOptions }): Promise<WorkflowHandle>;
  worker(): Promise<ChildProcess>;
  /** Ends a worker process without a chance to say anything, and writes so into the witness. */
  kill(worker: ChildProcess): Promise<void>;
  hold(...names: string[]): Promise<void>;
  letGo(...names: string[]): Promise<void>;
  fail(name: string): Promise<void>;
  repair(name: string): Promise<void>;
  seen(name?: string): Promise<Seen[]>;
  /** Waits for a line of the witness. */
  saw(what: string, name: string): Promise<Seen>;
  stop(): Promise<void>;
}

export async function startPoolStack(): Promise<PoolStack> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const folder = await mkdtemp(join(tmpdir(), 'millrace-pools-'));
  const witness = join(folder, 'witness');
  await writeFile(witness, '');
  const temporal = await startTemporal();
  const plugins = [new MillracePlugin()];
  const client = new Client({ connection: temporal.env.connection, plugins });
  const bundle = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('../fixtures/pool-workflows.ts', import.meta.url)), plugins, logger: new DefaultLogger('ERROR') });
  const workflows = await Worker.create({ connection: temporal.env.nativeConnection, taskQueue: TASK_QUEUE, workflowBundle: bundle, plugins });
  const running = workflows.run();
  const processes: ChildProcess[] = [];
  let runs = 0;

  const seen = async (name?: string): Promise<Seen[]> => {
    const lines = (await readFile(witness, 'utf8')).trim().split('\n');
    return lines.map(parse).filter((one) => name === undefined || one.name === name);
  };

  return {
    client,
    address: temporal.address,
    taskQueue: TASK_QUEUE,
    bundle,
    async pool(name, state) {
      await client.workflow.start(POOL_WORKFLOW, { workflowId: poolWorkflowId(name), taskQueue: TASK_QUEUE, args: [{ ...newPool(name, state.size), ...state }] });
    },
    view: (name) => client.workflow.getHandle(poolWorkflowId(name)).query<PoolView>(POOL_QUERY),
    async run(params, { workflow = 'pooled', runOptions } = {}) {
      runs += 1;
      return client.workflow.start(workflow, {
        workflowId: `${params.pool}-run-${runs}`,
        taskQueue: TASK_QUEUE,
        args: [params],
        ...(runOptions === undefined ? {} : { memo: { [RUN_OPTIONS_MEMO]: runOptions } }),
      });
    },
    async worker() {
      const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), WORKER, temporal.address, TASK_QUEUE, folder], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      processes.push(child);
      await once(child, 'message');
      return child;
    },
    async kill(worker) {
      const exit = once(worker, 'exit');
      worker.kill('SIGKILL');
      await exit;
      await appendFile(witness, `killed ${worker.pid} - 0 ${Date.now()}\n`);
    },
    hold: async (...names) => void (await Promise.all(names.map((name) => writeFile(join(folder, `hold-${name}`), '')))),
    letGo: async (...names) => void (await Promise.all(names.map((name) => rm(join(folder, `hold-${name}`), { force: true })))),
    fail: (name) => writeFile(join(folder, `fail-${name}`), ''),
    repair: (name) => rm(join(folder, `fail-${name}`)),
    seen,
    saw: (what, name) =>
      vi.waitFor(
        async () => {
          const found = (await seen(name)).find((one) => one.what === what);
          if (found === undefined) throw new Error(`no "${what}" of ${name} yet`);
          return found;
        },
        { timeout: 60_000, interval: 20 },
      ),
    async stop() {
      for (const child of processes) {
        child.kill('SIGCONT');
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const exit = once(child, 'exit');
        child.kill('SIGKILL');
        await exit;
      }
      workflows.shutdown();
      await running;
      await temporal.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function parse(line: string): Seen {
  const [what = '', pid, name = '', token, at] = line.split(' ');
  return { what, pid: Number(pid), name, token: Number(token), at: Number(at) };
}

/** The most steps that were inside at once; a killed process is inside no more. */
export function mostInside(seen: readonly Seen[]): number {
  const inside = new Map<string, number>();
  let most = 0;
  for (const { what, pid, name } of seen) {
    if (what === 'in') inside.set(`${pid} ${name}`, pid);
    else if (what === 'killed') for (const [key, owner] of inside) if (owner === pid) inside.delete(key);
    if (what === 'out' || what === 'stopped') inside.delete(`${pid} ${name}`);
    most = Math.max(most, inside.size);
  }
  return most;
}
