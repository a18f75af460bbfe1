import { ActivityFailure, ApplicationFailure, CancellationScope, TemporalFailure, isCancellation } from '@temporalio/workflow';
import pMap from 'p-map';
import type { ErrorCode } from '../errors.js';
import { currentScope, endTogether, withStepScope } from './step-scope.js';

export interface ItemPolicy {
  /** How many items are worked on at a time. */
  concurrency: number;
  onError: 'first' | 'all';
}

export interface ItemFailure {
  key: string;
  type: string;
  message: string;
}

/** What became of every item, in the order of the keys; one that failed has no result. Travels from a part to its map. */
export interface ItemOutcomes<R> {
  results: { value?: R }[];
  failed: ItemFailure[];
}

/**
 * Runs something for every key, with the key in the ids of its steps. `first`: the first failure cancels the others and is thrown
 * when they have ended. `all`: failures are outcomes. A cancellation from outside ends either.
 */
export async function runItems<R>(keys: readonly string[], run: (index: number) => Promise<R>, { concurrency, onError }: ItemPolicy): Promise<ItemOutcomes<R>> {
  const outer = CancellationScope.current();
  const scope = new CancellationScope();
  const failed: ItemFailure[] = [];
  let ending: { error: unknown } | undefined;

  const one = async (key: string, index: number): Promise<{ value?: R }> => {
    if (ending !== undefined) return {};
    try {
      return { value: await withStepScope({ key: nestedKey(key) }, () => endTogether(() => run(index))) };
    } catch (error) {
      // A bug fails the workflow task and not the run.
      if (!(error instanceof TemporalFailure)) throw error;
      if (onError === 'first' || outer.consideredCancelled) {
        ending ??= { error };
        scope.cancel();
      } else failed.push(describe(key, error));
      return {};
    }
  };

  const results = await scope.run(() => pMap(keys, one, { concurrency }));
  if (ending !== undefined) throw ending.error;
  return { results, failed };
}

/** A map in a map: `train[2026,resnet]`. */
function nestedKey(key: string): string {
  const outer = currentScope().key;
  return outer === undefined ? key : `${outer},${key}`;
}

function describe(key: string, error: TemporalFailure): ItemFailure {
  const cause = error instanceof ActivityFailure && error.cause !== undefined ? error.cause : error;
  if (isCancellation(error)) return { key, type: 'CancelledFailure', message: 'cancelled' };
  return { key, type: cause instanceof ApplicationFailure && cause.type != null ? cause.type : cause.name, message: cause.message };
}

/** A message is for people, details are for programs; neither grows with the list. */
const MOST_NAMED = 5;
const MOST_DETAILED = 100;
const MESSAGE_LENGTH = 300;

/** One error for all items that failed; its cause is the first one's. */
export function mapFailed(failed: readonly ItemFailure[], items: number): ApplicationFailure {
  const named = failed.slice(0, MOST_NAMED).map(({ key, message }) => `${key} (${message.slice(0, MESSAGE_LENGTH)})`);
  const more = failed.length > MOST_NAMED ? ` and ${failed.length - MOST_NAMED} more` : '';
  const [first] = failed;
  return ApplicationFailure.create({
    nonRetryable: true,
    type: 'MAP_FAILED' satisfies ErrorCode,
    message: `${failed.length} of ${items} items failed: ${named.join(', ')}${more}`,
    details: [{ failed: failed.slice(0, MOST_DETAILED).map((failure) => ({ ...failure, message: failure.message.slice(0, MESSAGE_LENGTH) })) }],
    ...(first === undefined ? {} : { cause: ApplicationFailure.nonRetryable(first.message, first.type) }),
  });
}
