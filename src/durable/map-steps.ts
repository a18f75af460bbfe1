import { ApplicationFailure, type ActivityOptions } from '@temporalio/workflow';
import type { ErrorCode } from '../errors.js';
import { mapFailed, runItems, type ItemOutcomes, type ItemPolicy } from './map-items.js';
import { mapHere, mapInParts } from './map-part.js';

export interface MapOptions<Item> {
  /** What the item is called in step ids: `train[resnet]`. Default: its index. No two may be the same. */
  key?: (item: Item, index: number) => string;
  /** How many items are worked on at a time; default 100. */
  concurrency?: number;
  /**
   * `first` (default): the first failure cancels the other items and, when they have ended, is thrown.
   * `all`: every item comes to its end; then one `MAP_FAILED` names those that failed.
   */
  onError?: 'first' | 'all';
}

/** An activity by its name, with its policy: data that a child workflow can be given. */
export interface NamedActivity<Args extends unknown[], Result> {
  name: string;
  options: ActivityOptions;
  /** Never there: it carries the types. */
  signature?: (...args: Args) => Promise<Result>;
}

type NamedActivities<A> = { [K in keyof A]: A[K] extends (...args: infer Args) => Promise<infer Result> ? NamedActivity<Args, Result> : never };

/** One activity for every item. */
export interface MappedActivity<Item, Args extends unknown[], Result> {
  activity: NamedActivity<Args, Result>;
  args: (item: Item, index: number) => [...Args];
}

/** Beyond this one run does not hold the steps of a map itself. */
const MOST_ITEMS = 2_000;
const CONCURRENCY = 100;

/** Activities by their names, for maps that may be long: `const { scoreCustomer } = namedActivities<Activities>(SCORE)`. */
export function namedActivities<A>(options: ActivityOptions): NamedActivities<A> {
  return new Proxy({} as NamedActivities<A>, { get: (_, name) => ({ name: String(name), options }) });
}

/**
 * Does the same for every item of a list (Airflow's dynamic task mapping), so many at a time, and returns the results in the list's
 * order. Whatever steps it calls carry the item's key: `train[resnet]`, `evaluate[resnet]`.
 *
 *     const models = await mapSteps(names, async (name) => evaluate(await train(name)), { key: (name) => name, concurrency: 4 });
 *
 * Lists of more than 2,000 items need an activity by its name, which splits itself into child workflows:
 *
 *     const { scoreCustomer } = namedActivities<Activities>(SCORE);
 *     await mapSteps(customers, { activity: scoreCustomer, args: (customer) => [customer, interval] }, { key: ({ id }) => id });
 *
 * `MAP_REFUSED` before the first step for two items with the same key, or a list that is too long.
 */
export function mapSteps<Item, Result>(items: readonly Item[], step: (item: Item, index: number) => Promise<Result>, options?: MapOptions<Item>): Promise<Result[]>;
export function mapSteps<Item, Args extends unknown[], Result>(items: readonly Item[], step: MappedActivity<Item, Args, Result>, options?: MapOptions<Item>): Promise<Result[]>;
export async function mapSteps<Item>(
  items: readonly Item[],
  step: ((item: Item, index: number) => Promise<unknown>) | MappedActivity<Item, unknown[], unknown>,
  { key = (_, index) => String(index), concurrency = CONCURRENCY, onError = 'first' }: MapOptions<Item> = {},
): Promise<unknown[]> {
  const keys = items.map(key);
  refuseDuplicates(keys);
  const policy: ItemPolicy = { concurrency, onError };
  const { results, failed } = await (typeof step === 'function' ? mapClosure(items, keys, step, policy) : mapActivity(items, keys, step, policy));
  if (failed.length > 0) throw mapFailed(failed, items.length);
  return results.map(({ value }) => value);
}

function mapClosure<Item>(items: readonly Item[], keys: readonly string[], step: (item: Item, index: number) => Promise<unknown>, policy: ItemPolicy): Promise<ItemOutcomes<unknown>> {
  if (items.length > MOST_ITEMS) {
    throw refused(`a list of ${items.length} items is too long for a function (at most ${MOST_ITEMS}). Map an activity by its name instead (namedActivities): it is split into child workflows`);
  }
  return runItems(keys, (index) => step(items[index]!, index), policy);
}

function mapActivity<Item>(items: readonly Item[], keys: readonly string[], { activity, args }: MappedActivity<Item, unknown[], unknown>, policy: ItemPolicy): Promise<ItemOutcomes<unknown>> {
  const calls = items.map((item, index) => ({ key: keys[index]!, args: args(item, index) }));
  const map = { ...policy, activity: activity.name, options: activity.options, items: calls };
  return items.length > MOST_ITEMS ? mapInParts(map) : mapHere(map);
}

function refuseDuplicates(keys: readonly string[]): void {
  const seen = new Set<string>();
  for (const key of keys) {
    if (seen.has(key)) throw refused(`two items have the key "${key}". Choose keys that differ: they tell steps apart`);
    seen.add(key);
  }
}

function refused(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'MAP_REFUSED' satisfies ErrorCode);
}
