import { isDatasetRef, type DatasetRef } from '../datasets/dataset-ref.js';
import { scopedName, type StepScope } from '../durable/step-scope.js';
import { isInterval } from './interval-of-run.js';

/**
 * Hands out the step ids of one workflow run: the activity's name behind its task groups (`extract.extractSales`), with the key
 * of a mapped item (`train[resnet]`), and `#2`, `#3` … for further calls of the same name. Deterministic: the same calls in the
 * same order get the same ids.
 */
export function createStepIds(): (activityType: string, scope: Pick<StepScope, 'path' | 'key'>) => string {
  const calls = new Map<string, number>();
  return (activityType, scope) => {
    const name = scopedName(activityType, scope);
    const call = (calls.get(name) ?? 0) + 1;
    calls.set(name, call);
    return call === 1 ? name : `${name}#${call}`;
  };
}

/** The Web UI shows a summary on one line; Temporal takes a few hundred bytes. */
const SUMMARY_LIMIT = 200;

/** One line for the Web UI: the interval, and the datasets that the step reads with their rows. */
export function stepSummary(args: readonly unknown[]): string | undefined {
  const parts = [...args.filter(isInterval).map((interval) => interval.label), ...args.flatMap(datasetsIn)];
  if (parts.length === 0) return undefined;
  const summary = parts.join(' · ');
  return summary.length <= SUMMARY_LIMIT ? summary : `${summary.slice(0, SUMMARY_LIMIT - 3)}...`;
}

function datasetsIn(argument: unknown): string[] {
  if (isDatasetRef(argument)) return [described(argument)];
  if (typeof argument !== 'object' || argument === null || Array.isArray(argument)) return [];
  return Object.values(argument).filter(isDatasetRef).map(described);
}

/** `sales 3108 rows` */
function described(ref: DatasetRef): string {
  const file = ref.uri.slice(ref.uri.lastIndexOf('/') + 1);
  return `${file.replace(/\.\w+$/, '')} ${ref.rows} rows`;
}
