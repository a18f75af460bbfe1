/**
 * The worker of `workers/gated.ts`. Twice a second it appends to the file that `MILLRACE_LIVE_MEMORY` names how many bytes are in use
 * once all garbage has been collected. Unlike the size of the process this does not depend on when garbage is collected and on what
 * the allocator gives back.
 */
import { appendFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import '../../workers/gated.js';

const EVERY_MS = 500;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
setInterval(() => {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  appendFileSync(process.env['MILLRACE_LIVE_MEMORY']!, `${heapUsed + external}\n`);
}, EVERY_MS).unref();
