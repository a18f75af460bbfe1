import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker, bundleWorkflowCode, type WorkerOptions } from '@temporalio/worker';
import { DYNAMIC_CONFIG_ARGUMENTS } from '../../scripts/servers/temporal-flags.js';
import { MillracePlugin } from '../../src/steps/plugin.js';
import { RUN_OPTIONS_MEMO, type RunOptions } from '../../src/steps/run-options.js';
import { replayAll } from './replay-all.js';
import { startTemporal, type TemporalServer } from '../servers/temporal.js';

/** A server and a worker for workflows of `test/fixtures/`, and every run that was started on them. */
export interface BlockRuns {
  temporal: TemporalServer;
  start(workflow: string, ...args: unknown[]): Promise<WorkflowHandle>;
  /** With options as an operator chooses them. */
  startWith(options: RunOptions, workflow: string, ...args: unknown[]): Promise<WorkflowHandle>;
  /** Replays every run and every child against the same code; rejects for one that does something else. Says how many. */
  replayAll(): Promise<number>;
  stop(): Promise<void>;
}

export interface BlockRunsOptions {
  /** File of `test/fixtures/`. */
  fixture: string;
  activities: object;
  worker?: Partial<WorkerOptions>;
  /** Without it blocks are on their own. */
  plugin?: boolean;
}

const TASK_QUEUE = 'blocks';

export async function startBlockRuns({ fixture, activities, worker: options = {}, plugin = true }: BlockRunsOptions): Promise<BlockRuns> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const temporal = await startTemporal(DYNAMIC_CONFIG_ARGUMENTS);
  const plugins = plugin ? [new MillracePlugin({ redact: (text) => text })] : [];
  const workflowBundle = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url)), plugins, logger: new DefaultLogger('ERROR') });
  const worker = await Worker.create({
    connection: temporal.env.nativeConnection,
    taskQueue: TASK_QUEUE,
    workflowBundle,
    activities,
    plugins,
    maxHeartbeatThrottleInterval: '200ms',
    ...options,
  });
  const running = worker.run();
  let runs = 0;
  const startWith: BlockRuns['startWith'] = (options, workflow, ...args) => {
    runs += 1;
    return temporal.env.client.workflow.start(workflow, { taskQueue: TASK_QUEUE, workflowId: `${workflow}-${runs}`, args, memo: { [RUN_OPTIONS_MEMO]: options } });
  };
  return {
    temporal,
    start: (workflow, ...args) => startWith({}, workflow, ...args),
    startWith,
    replayAll: () => replayAll(temporal.env.client, { workflowBundle }),
    async stop() {
      worker.shutdown();
      await running;
      await temporal.stop();
    },
  };
}
