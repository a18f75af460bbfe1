import { withStepScope } from './step-scope.js';

/**
 * Every step that `body` starts takes a slot of the pool while it runs, and waits for one first: over all runs of all pipelines
 * in the namespace never more of them run at once than the pool has slots. Of nested pools the innermost counts. Steps of child
 * workflows are not included. Without the step plugin nothing waits.
 *
 *     await withPool('warehouse', () => stageOrders(orders, interval));
 */
export function withPool<T>(name: string, body: () => Promise<T>): Promise<T> {
  return withStepScope({ pool: name }, body);
}
