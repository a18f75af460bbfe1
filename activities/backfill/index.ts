import type { Dependencies } from '../dependencies.js';
import { createAwaitRun } from './await-run.js';
import { createFindMissing } from './find-missing.js';
import { createPlanBackfill } from './plan-backfill.js';

/** The steps of the workflow `backfill`. */
export function createBackfillActivities(deps: Dependencies) {
  return {
    findMissing: createFindMissing(deps),
    planBackfill: createPlanBackfill(deps),
    awaitRun: createAwaitRun(),
  };
}
