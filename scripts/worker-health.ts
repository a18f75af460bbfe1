import { hostname } from 'node:os';
import { Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import temporalProto from '@temporalio/proto';
import { millraceHome } from '../src/connections/settings.js';
import { findProjectRoot } from '../src/project-root.js';
import { workerSettings } from '../workers/settings.js';

const { TaskQueueType } = temporalProto.temporal.api.enums.v1;

/** A poll lasts a minute at most: who was not seen for longer does not poll. */
const SEEN_WITHIN_MS = 120_000;
const TIMEOUT_MS = 8000;

/** The health check of a worker's container: exits with 0 when Temporal sees a worker of this machine poll the task queue. */
async function main(): Promise<void> {
  const { taskQueue } = workerSettings(process.env, millraceHome(process.env, findProjectRoot()));
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
  const connection = await Connection.connect({ ...connectionOptions, connectTimeout: TIMEOUT_MS });
  try {
    const { pollers } = await connection.withDeadline(Date.now() + TIMEOUT_MS, () =>
      connection.workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: taskQueue },
        taskQueueType: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
      }),
    );
    // A worker's identity is PID@HOSTNAME, and a container's host name is its own.
    const seen = pollers.filter(({ identity }) => identity?.endsWith(`@${hostname()}`)).map(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000);
    if (!seen.some((time) => Date.now() - time < SEEN_WITHIN_MS)) throw new Error(`no worker of ${hostname()} polls the task queue ${taskQueue}`);
  } finally {
    await connection.close();
  }
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
