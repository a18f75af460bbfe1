import '../src/quiet-aws.js';
import { setFlagsFromString } from 'node:v8';
import { runWorker } from './run-worker.js';

// V8 would let the garbage of streamed rows grow to four times what is alive before it collects any.
setFlagsFromString('--heap-growing-percent=20');

/** The worker process. A parent that started it with an IPC channel learns when it polls. */
runWorker({ env: process.env, onReady: () => process.send?.('ready') }).catch((error: unknown) => {
  console.error(`millrace worker: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
