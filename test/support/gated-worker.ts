import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SimplePlugin } from '@temporalio/plugin';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { runWorker } from '../../workers/run-worker.js';

/**
 * A worker whose steps a test can hold and kill, for tests that need a step to be in the middle at a moment of their choice.
 * `MILLRACE_TEST_GATES` is a folder; a file in it named after a step acts on that step:
 *
 *   hold-<workflow id>-<step>       the step waits, before it does anything, until the file is gone
 *   kill-<workflow id>-<step>.start   SIGKILL before the step does anything, once
 *   kill-<workflow id>-<step>.middle  SIGKILL a few milliseconds after it has begun, once
 *   kill-<workflow id>-<step>.end     SIGKILL after it has done everything and before Temporal is told, once
 *
 * A step that waits leaves `held-…`, a kill leaves `killed-…`, so that a test can wait for it.
 */
const gates = process.env['MILLRACE_TEST_GATES']!;

const MIDDLE_MS = 15;
const LOOK_AGAIN_MS = 20;

const gateInterceptor: ActivityInterceptorsFactory = ({ info, cancellationSignal }) => ({
  inbound: {
    async execute(input, next) {
      const name = `${info.workflowExecution?.workflowId}-${info.activityId}`;
      if (existsSync(join(gates, `hold-${name}`))) {
        closeSync(openSync(join(gates, `held-${name}`), 'w'));
        while (existsSync(join(gates, `hold-${name}`))) await delay(LOOK_AGAIN_MS, undefined, { signal: cancellationSignal });
      }
      killOnce(`${name}.start`);
      const timer = setTimeout(() => killOnce(`${name}.middle`), MIDDLE_MS);
      try {
        return await next(input);
      } finally {
        clearTimeout(timer);
        killOnce(`${name}.end`);
      }
    },
  },
});

function killOnce(name: string): void {
  if (!existsSync(join(gates, `kill-${name}`))) return;
  try {
    closeSync(openSync(join(gates, `killed-${name}`), 'wx'));
  } catch {
    // Another attempt was killed here before.
    return;
  }
  process.kill(process.pid, 'SIGKILL');
}

await runWorker({ env: process.env, onReady: () => process.send?.('ready'), plugins: [new SimplePlugin({ name: 'gates', workerInterceptors: { activity: [gateInterceptor] } })] });
