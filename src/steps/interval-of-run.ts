import type { DataInterval } from '../durable/data-interval.js';

/** Whether an activity's argument is the interval of its run. */
export function isInterval(value: unknown): value is DataInterval {
  return typeof value === 'object' && value !== null && 'label' in value && 'start' in value && 'generation' in value;
}
