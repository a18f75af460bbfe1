import { medianOf } from '../median.js';
import type { DurationHealth } from './health.js';

/** Runs that the last one is compared with. */
export const COMPARED_RUNS = 14;
/** A spread of fewer says nothing. */
const LEAST_RUNS = 5;
/** Of a normal distribution the median absolute deviation is this part of the standard deviation. */
const MAD_OF_SIGMA = 0.6745;
/** Modified z-scores above are outliers. */
const MOST_SCORE = 3.5;
/** Where runs are all alike, a second more is an outlier and nobody's trouble. */
const LEAST_PART = 0.25;
const LEAST_SECONDS = 30;

/**
 * Whether a run took, or takes, unusually long. Robust: one slow run among those before neither hides the next one nor raises the
 * bar, as mean and standard deviation would let it. The rule is Iglewicz and Hoaglin's (How to Detect and Handle Outliers, 1993;
 * NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.17): a modified z-score 0.6745 (x - median) / MAD above 3.5. Besides, it
 * has to be slower than the median by a quarter and by 30 s. All in seconds; `before` are runs that succeeded, `most` is absent
 * for fewer than 5.
 */
export function judgeDuration(last: number, open: boolean, before: readonly number[]): DurationHealth {
  const compared = before.slice(0, COMPARED_RUNS);
  const median = medianOf(compared);
  const spread = medianOf(compared.map((seconds) => Math.abs(seconds - median))) / MAD_OF_SIGMA;
  const most = median + Math.max(MOST_SCORE * spread, LEAST_PART * median, LEAST_SECONDS);
  return { last, open, compared: compared.length, median, spread, ...(compared.length < LEAST_RUNS ? {} : { most }) };
}
