import '../src/quiet-aws.js';
import { join } from 'node:path';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createActivities } from '../activities/index.js';
import { loadConnections } from '../src/connections/connections.js';
import { millraceHome } from '../src/connections/settings.js';
import { findProjectRoot } from '../src/project-root.js';
import { MillracePlugin } from '../src/steps/plugin.js';
import { createStepLogs } from '../src/steps/step-logs.js';
import { createAdapters } from './adapters.js';
import { workflowBundle } from './bundle.js';
import { workerSettings } from './settings.js';

/** The worker of every pipeline in the catalog: polls one task queue until SIGTERM or SIGINT, then lets running steps end. */
async function main(): Promise<void> {
  const root = findProjectRoot();
  const settings = workerSettings(process.env, millraceHome(process.env, root));
  const logger = new DefaultLogger(settings.logLevel);
  Runtime.install({ logger });

  const connections = loadConnections({ env: process.env, root });
  for (const { setting, message } of connections.problems) logger.error(`${setting} ${message}`);
  const adapters = createAdapters(connections, settings.duckdb);
  const logs = createStepLogs(adapters.lake, (message) => logger.warn(connections.redact(message)));
  const plugin = new MillracePlugin({ redact: connections.redact, logs });

  const { connectionOptions, namespace } = loadClientConnectConfig();
  const connection = await NativeConnection.connect(connectionOptions);
  const worker = await Worker.create({
    connection,
    namespace: namespace ?? 'default',
    taskQueue: settings.taskQueue,
    workflowBundle: await workflowBundle(join(root, 'dist', 'bundles'), logger),
    activities: createActivities({ ...adapters, limits: settings.duckdb, webUi: settings.webUi }),
    plugins: [plugin],
    maxCachedWorkflows: 2000,
    // A step learns of its cancellation with the answer to a heartbeat.
    maxHeartbeatThrottleInterval: '2s',
    // Less than what service managers grant between SIGTERM and SIGKILL.
    shutdownGraceTime: '8s',
  });

  // A parent that started this process with an IPC channel learns that the worker polls.
  process.send?.('ready');
  try {
    await worker.run();
  } finally {
    await logs.flush();
    await connection.close();
    await adapters.close();
  }
}

main().catch((error: unknown) => {
  console.error(`millrace worker: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
