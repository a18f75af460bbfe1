import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure, executeChild, proxyActivities, workflowInfo, type ActivityOptions } from '@temporalio/workflow';
import type { ErrorCode } from '../errors.js';
import { runItems, type ItemOutcomes, type ItemPolicy } from './map-items.js';
import { currentScope, withStepScope } from './step-scope.js';

/** One activity for many items, as data: it can be handed to a child workflow. */
export interface ActivityMap extends ItemPolicy {
  activity: string;
  options: ActivityOptions;
  items: readonly { key: string; args: readonly unknown[] }[];
}

/** What a part of a long map is given. */
export interface MapPart extends ActivityMap {
  /** Of the map: its steps have the ids that they would have in it. */
  path: readonly string[];
  key?: string | undefined;
}

/** A part is far below what one history or one message takes. */
const PART_ITEMS = 500;
const PART_BYTES = 256 * 1024;
const RESULT_BYTES = 1024 * 1024;

/** Part of a map that is too long for one run. Started by `mapSteps`, never by a pipeline. */
export async function mapPart({ path, key, ...map }: MapPart): Promise<ItemOutcomes<unknown>> {
  const outcomes = await withStepScope({ path, key }, () => mapHere(map));
  const bytes = JSON.stringify(outcomes).length;
  if (bytes <= RESULT_BYTES) return outcomes;
  throw ApplicationFailure.nonRetryable(
    `${map.items.length} results of ${map.activity} have ${Math.ceil(bytes / 1024)} KiB together; ${RESULT_BYTES / 1024} KiB are possible. Return DatasetRefs, or less.`,
    'RESULT_TOO_LARGE' satisfies ErrorCode,
  );
}

/** All items in this run. */
export function mapHere({ activity, options, items, ...policy }: ActivityMap): Promise<ItemOutcomes<unknown>> {
  const step = proxyActivities<Record<string, (...args: unknown[]) => Promise<unknown>>>(options)[activity]!;
  const keys = items.map(({ key }) => key);
  return runItems(keys, (index) => step(...items[index]!.args), policy);
}

/** The items in child workflows, one after the other, so that no history grows with the list. */
export async function mapInParts(map: ActivityMap): Promise<ItemOutcomes<unknown>> {
  const outcomes: ItemOutcomes<unknown> = { results: [], failed: [] };
  for (const items of partsOf(map.items)) {
    const { results, failed } = await runPart({ ...map, items }, outcomes.results.length, map.items.length);
    outcomes.results.push(...results);
    outcomes.failed.push(...failed);
  }
  return outcomes;
}

/** Child workflows of one run have numbers; module state belongs to one run. */
let started = 0;

async function runPart(map: ActivityMap, first: number, of: number): Promise<ItemOutcomes<unknown>> {
  const { path, key } = currentScope();
  const range = `${first}-${first + map.items.length - 1}`;
  const { workflowId, runId } = workflowInfo();
  started += 1;
  const part = { ...map, path, key } satisfies MapPart;
  try {
    // Its row in the table of steps: `train.mapPart[0-499]`.
    return await withStepScope({ path: [...path, map.activity], key: key === undefined ? range : `${key},${range}` }, () =>
      executeChild(mapPart, {
        workflowId: `${workflowId}-part-${started}-${runId.slice(-8)}`,
        args: [part],
        cancellationType: 'WAIT_CANCELLATION_COMPLETED',
        parentClosePolicy: 'REQUEST_CANCEL',
        staticSummary: `${map.activity} of items ${range} of ${of}`,
      }),
    );
  } catch (error) {
    // The step that failed has the id that it would have here.
    throw error instanceof ChildWorkflowFailure && (error.cause instanceof ActivityFailure || error.cause instanceof ApplicationFailure) ? error.cause : error;
  }
}

function partsOf(items: ActivityMap['items']): ActivityMap['items'][] {
  const parts: ActivityMap['items'][number][][] = [];
  let bytes = Infinity;
  for (const item of items) {
    const size = JSON.stringify(item).length;
    const part = parts.at(-1);
    if (part === undefined || part.length >= PART_ITEMS || bytes + size > PART_BYTES) {
      parts.push([item]);
      bytes = size;
    } else {
      part.push(item);
      bytes += size;
    }
  }
  return parts;
}
