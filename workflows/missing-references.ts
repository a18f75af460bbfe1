import { proxyActivities } from '@temporalio/workflow';
import type { Missing } from '../activities/backfill/find-missing.js';
import type { Activities } from '../activities/index.js';
import type { References } from '../src/datasets/references.js';
import { WAREHOUSE } from './policies.js';

const { findMissing } = proxyActivities<Activities>({ ...WAREHOUSE, startToCloseTimeout: '1m' });

/** Asks a worker, which has the connections, whether what a re-run wants to reuse is still there. Used by `millrace rerun`. */
export async function missingReferences(references: References): Promise<Missing> {
  return findMissing(references);
}
