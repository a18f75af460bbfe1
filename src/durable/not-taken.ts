import { scopedName } from './step-scope.js';
import { addStep, freeId, moveStep } from './step-table.js';

/**
 * Shows the branch that an `if` has not taken as a skipped step, with the reason. Costs nothing in the history.
 *
 *     if (changes.rows > 0) await publishChanges(changes);
 *     else notTaken('publishChanges', 'nothing has changed');
 */
export function notTaken(name: string, why: string): void {
  moveStep(addStep({ id: freeId(scopedName(name)), activity: 'branch', kind: 'branch', state: 'waiting' }), 'skipped', { message: why });
}
