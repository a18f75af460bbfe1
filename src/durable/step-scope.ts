import { AsyncLocalStorage } from '@temporalio/workflow';

/** The task groups around the code that is running, outermost first. */
const groups = new AsyncLocalStorage<readonly string[]>();

export function currentGroups(): readonly string[] {
  return groups.getStore() ?? [];
}

/**
 * Steps that `body` starts carry the group's name before theirs: `extract.extractSales`. Groups nest. A group is only a name
 * for the operator; order and parallelism stay with the code inside.
 */
export function taskGroup<T>(name: string, body: () => Promise<T>): Promise<T> {
  return groups.run([...currentGroups(), name], body);
}
