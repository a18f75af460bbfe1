import '../src/quiet-aws.js';
import { runWorker } from './run-worker.js';

/** The worker process. A parent that started it with an IPC channel learns when it polls. */
runWorker({ env: process.env, onReady: () => process.send?.('ready') }).catch((error: unknown) => {
  console.error(`millrace worker: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
