import '../src/quiet-aws.js';
import { gatedSteps } from '../src/verify/gated-steps.js';
import { runWorker } from './run-worker.js';

/** A worker whose steps can be held and killed through the files of `MILLRACE_GATES`; it ends with the process that started it. */
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
runWorker({ env: process.env, onReady: () => process.send?.('ready'), plugins: [gatedSteps(process.env['MILLRACE_GATES']!)] }).catch((error: unknown) => {
  console.error(`millrace worker: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
