import { TypedSearchAttributes, type SearchAttributePair } from '@temporalio/common';
import type { ClientInterceptors, CompiledScheduleOptions, CompiledWorkflowOptions, Connection } from '@temporalio/client';
import { pipelineOfWorkflow } from '../catalog.js';
import { RUN_OPTIONS_MEMO, type RunOptions } from './run-options.js';
import { SEARCH_ATTRIBUTES, SEARCH_ATTRIBUTE_NAMES } from './search-attributes.js';

/** Asks a server whether it knows our search attributes. */
export type AttributesKnown = () => Promise<boolean>;

/**
 * Gives every run that a client starts its search attributes, where the namespace knows them, and the catalog's run options,
 * where the caller has given none: they are fixed for that run from then on.
 */
export function startInterceptors(attributesKnown: AttributesKnown): ClientInterceptors {
  const dressed = async (workflowType: string, options: CompiledWorkflowOptions): Promise<CompiledWorkflowOptions> => ({
    ...options,
    ...(await facts(workflowType, options, attributesKnown)),
  });
  return {
    workflow: [
      {
        startWithDetails: async (input, next) => next({ ...input, options: await dressed(input.workflowType, input.options) }),
        signalWithStart: async (input, next) => next({ ...input, options: await dressed(input.workflowType, input.options) }),
        startUpdateWithStart: async (input, next) => next({ ...input, workflowStartOptions: await dressed(input.workflowType, input.workflowStartOptions) }),
      },
    ],
    schedule: [
      {
        async create(input, next) {
          const { action } = input.options;
          const options: CompiledScheduleOptions = { ...input.options, action: { ...action, ...(await facts(action.workflowType, action, attributesKnown)) } };
          return next({ ...input, options });
        },
      },
    ],
  };
}

type Facts = Pick<CompiledWorkflowOptions, 'memo' | 'typedSearchAttributes' | 'priority'>;

/** What a run of that workflow is started with. */
async function facts(workflowType: string, given: Facts, attributesKnown: AttributesKnown): Promise<Facts> {
  const memo: { [RUN_OPTIONS_MEMO]?: RunOptions } = { ...catalogMemo(workflowType), ...given.memo };
  const priorityKey = memo[RUN_OPTIONS_MEMO]?.priority;
  return {
    ...(priorityKey === undefined ? {} : { priority: { priorityKey, ...given.priority } }),
    ...(Object.keys(memo).length === 0 ? {} : { memo }),
    ...((await attributesKnown()) ? { typedSearchAttributes: withOurs(workflowType, given.typedSearchAttributes) } : {}),
  };
}

function catalogMemo(workflowType: string): { [RUN_OPTIONS_MEMO]?: RunOptions } {
  const options = pipelineOfWorkflow(workflowType)?.options;
  return options === undefined ? {} : { [RUN_OPTIONS_MEMO]: options };
}

/** The caller's own attributes win. */
function withOurs(workflowType: string, given: Facts['typedSearchAttributes']): SearchAttributePair[] {
  const theirs = given instanceof TypedSearchAttributes ? given.getAll() : (given ?? []);
  const names = new Set(theirs.map(({ key }) => key.name));
  return [...theirs, ...startAttributes(workflowType).filter(({ key }) => !names.has(key.name))];
}

/** Those with which a run of that workflow begins. */
export function startAttributes(workflowType: string): SearchAttributePair[] {
  return [
    { key: SEARCH_ATTRIBUTES.pipeline, value: pipelineOfWorkflow(workflowType)?.name ?? workflowType },
    { key: SEARCH_ATTRIBUTES.state, value: 'running' },
  ];
}

/**
 * Asks once per connection. A server that does not say (Temporal Cloud keeps this from clients) counts as one that does not know
 * them: a run without attributes works, one with unknown attributes is refused.
 */
export function askForAttributes(connection: Pick<Connection, 'operatorService'>, namespace: string): AttributesKnown {
  let answer: Promise<boolean> | undefined;
  return () => {
    answer ??= connection.operatorService.listSearchAttributes({ namespace }).then(
      ({ customAttributes }) => SEARCH_ATTRIBUTE_NAMES.every((name) => name in (customAttributes ?? {})),
      () => false,
    );
    return answer;
  };
}
