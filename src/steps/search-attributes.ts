import { defineSearchAttributeKey } from '@temporalio/common';

/** What a run can be searched by, in the Web UI and with `millrace runs --state held`. Sandbox-safe. */
export const SEARCH_ATTRIBUTES = {
  /** Name in the catalog, or the workflow's own. */
  pipeline: defineSearchAttributeKey('MillracePipeline', 'KEYWORD'),
  /** Label of the data interval: `2010-12-01`. */
  interval: defineSearchAttributeKey('MillraceInterval', 'KEYWORD'),
  /** What goes on: the `state` of `StepsAnswer`, and how the run ended. */
  state: defineSearchAttributeKey('MillraceState', 'KEYWORD'),
} as const;

export const SEARCH_ATTRIBUTE_NAMES: readonly string[] = Object.values(SEARCH_ATTRIBUTES).map(({ name }) => name);
