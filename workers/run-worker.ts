import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerPlugin } from '@temporalio/worker';
import { createActivities } from '../activities/index.js';
import { loadConnections } from '../src/connections/connections.js';
import { millraceHome } from '../src/connections/settings.js';
import { findProjectRoot } from '../src/project-root.js';
import { watchStuckRuns } from '../src/runs/watch-stuck-runs.js';
import { MillracePlugin } from '../src/steps/plugin.js';
import { createStepLogs } from '../src/steps/step-logs.js';
import { startStuckAlert } from '../src/steps/stuck-alert.js';
import { createAdapters } from './adapters.js';
import { workflowBundle } from './bundle.js';
import { prometheusAt } from './prometheus.js';
import { workerSettings } from './settings.js';

export interface RunWorkerOptions {
  env: NodeJS.ProcessEnv;
  /** Called when the worker polls. */
  onReady?: () => void;
  /** Further plugins; their interceptors stand inside of ours. */
  plugins?: WorkerPlugin[];
}

/** Runs a worker of every pipeline in the catalog until SIGTERM or SIGINT, then lets running steps end. */
export async function runWorker({ env, onReady, plugins = [] }: RunWorkerOptions): Promise<void> {
  const root = findProjectRoot();
  const settings = workerSettings(env, millraceHome(env, root));
  const logger = new DefaultLogger(settings.logLevel);
  Runtime.install({ logger, ...(settings.prometheus === undefined ? {} : { telemetryOptions: { metrics: prometheusAt(settings.prometheus) } }) });

  const connections = loadConnections({ env, root });
  for (const { setting, message } of connections.problems) logger.error(`${setting} ${message}`);
  const adapters = createAdapters(connections, settings.duckdb);
  const logs = createStepLogs(adapters.lake, (message) => logger.warn(connections.redact(message)));

  const { connectionOptions, namespace } = loadClientConnectConfig();
  const connection = await NativeConnection.connect(connectionOptions);
  const worker = await Worker.create({
    connection,
    namespace: namespace ?? 'default',
    taskQueue: settings.taskQueue,
    workflowBundle: await workflowBundle(join(root, 'dist', 'bundles'), logger),
    activities: createActivities({ ...adapters, meter: Runtime.instance().metricMeter, limits: settings.duckdb, webUi: settings.webUi }),
    plugins: [new MillracePlugin({ redact: connections.redact, logs }), ...plugins],
    maxCachedWorkflows: 2000,
    // How long a run waits for the worker that has it in memory, after that one was killed.
    stickyQueueScheduleToStartTimeout: '5s',
    // A step learns of its cancellation with the answer to a heartbeat.
    maxHeartbeatThrottleInterval: '2s',
    // Less than what service managers grant between SIGTERM and SIGKILL.
    shutdownGraceTime: '8s',
  });

  const client = new Client({ connection, namespace: worker.options.namespace });
  const watch = watchStuckRuns({
    client,
    taskQueue: settings.taskQueue,
    async onStuck(run, { type, message, attempts }) {
      const cause = { errorCode: type, message: connections.redact(message) };
      logger.error(`${run.workflowId} is stuck: its workflow task has failed ${attempts} times: ${cause.errorCode}: ${cause.message}`, { runId: run.runId });
      await startStuckAlert(client, run, cause);
    },
    onTrouble: (error) => logger.warn(`stuck runs could not be looked for: ${connections.redact(String(error))}`),
  });

  onReady?.();
  try {
    await worker.run();
  } finally {
    await watch.stop();
    await logs.flush();
    await connection.close();
    await adapters.close();
  }
}
