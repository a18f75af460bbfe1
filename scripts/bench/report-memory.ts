/**
 * Loaded into a worker process before its own entry (`node --import`): when the process ends it writes the peak of its resident
 * memory, in kilobytes, to the file that `MILLRACE_BENCH_MEMORY` names.
 */
import { writeFileSync } from 'node:fs';

const file = process.env['MILLRACE_BENCH_MEMORY'];
if (file !== undefined) process.once('exit', () => writeFileSync(file, String(process.resourceUsage().maxRSS)));
