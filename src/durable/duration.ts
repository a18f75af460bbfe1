/** Milliseconds, or text as the library `ms` reads it (`90s`, `6h`): Temporal's own way to say how long. */
export { msToNumber, type Duration } from '@temporalio/common/lib/time.js';
