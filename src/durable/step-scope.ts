import { AsyncLocalStorage, CancellationScope } from '@temporalio/workflow';

interface Group {
  /** Names of the groups around the code that is running, outermost first. */
  path: readonly string[];
  /** Steps that were started in this group and have not ended. */
  open: Set<Promise<unknown>>;
  parent: Group | undefined;
}

const groups = new AsyncLocalStorage<Group>();

export function currentGroups(): readonly string[] {
  return groups.getStore()?.path ?? [];
}

/** Called for every step by the plugin's interceptor, so that a group knows what it still has to wait for. */
export function trackStep(step: Promise<unknown>): void {
  for (let group = groups.getStore(); group !== undefined; group = group.parent) {
    const { open } = group;
    const settled = step.then(
      () => undefined,
      () => undefined,
    );
    open.add(settled);
    void settled.then(() => open.delete(settled));
  }
}

/**
 * Steps that `body` starts carry the group's name before theirs: `extract.extractSales`. Groups nest; order and parallelism
 * stay with the code inside.
 *
 * When `body` fails, steps of the group that still run are cancelled, and the group ends only when they have: what comes
 * after it (cleanup above all) never races with them.
 */
export async function taskGroup<T>(name: string, body: () => Promise<T>): Promise<T> {
  const parent = groups.getStore();
  const group: Group = { path: [...(parent?.path ?? []), name], open: new Set(), parent };
  const scope = new CancellationScope();
  try {
    return await scope.run(() => groups.run(group, body));
  } catch (error) {
    scope.cancel();
    await CancellationScope.nonCancellable(() => Promise.all(group.open));
    throw error;
  }
}
