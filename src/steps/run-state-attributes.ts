import { upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { StepsAnswer } from './operator-protocol.js';
import { SEARCH_ATTRIBUTES } from './search-attributes.js';

/** Keeps the run's search attributes true. */
export interface StateAttributes {
  /** Writes the state where it has changed; costs an event then and nothing otherwise. */
  state(now: StepsAnswer['state']): void;
  /** The label of the run's interval, once. */
  interval(label: string): void;
}

/**
 * Only runs that were started with our attributes write them: then the namespace knows them. Where it does not, writing would fail
 * the workflow's task for ever.
 */
export function createStateAttributes(): StateAttributes {
  const { typedSearchAttributes } = workflowInfo();
  if (typedSearchAttributes.get(SEARCH_ATTRIBUTES.pipeline) === undefined) return { state() {}, interval() {} };
  let state = typedSearchAttributes.get(SEARCH_ATTRIBUTES.state);
  let interval = typedSearchAttributes.get(SEARCH_ATTRIBUTES.interval);
  return {
    state(now) {
      if (now === state) return;
      state = now;
      upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.state, value: now }]);
    },
    interval(label) {
      if (interval !== undefined) return;
      interval = label;
      upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.interval, value: label }]);
    },
  };
}
