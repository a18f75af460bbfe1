import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { ErrorCode } from '../errors.js';

/**
 * What a sensor's activity throws when it has looked and what it waits for is not there. `message` says what was seen, and is shown
 * while the run waits. Temporal neither counts nor logs it as an error, and looks again as the sensor's policy says.
 *
 *     if (keys.length === 0) throw notYet(`nothing matches ${pattern} in ${lake.description}`);
 */
export function notYet(message: string): ApplicationFailure {
  return ApplicationFailure.create({ message, type: 'NOT_YET' satisfies ErrorCode, category: ApplicationFailureCategory.BENIGN });
}
