import { AsyncLocalStorage, CancellationScope } from '@temporalio/workflow';

/** What the code around a step says of it. Travels with `await`; steps that run side by side each see their own. */
export interface StepScope {
  /** Names of the task groups around the step, outermost first. */
  path: readonly string[];
  /** Of the item that is being mapped, as long as no group has taken it into its name: `train[resnet]`. */
  key?: string | undefined;
  /** The pool in which every step of the scope takes a slot. */
  pool?: string | undefined;
  /** Whether a step that fails for good may wait for an operator; `false` where the code itself goes on without it. */
  mayHold: boolean;
  /** Whether it cleans up: a re-run does it again, whatever the run before has cleaned. */
  cleanup?: boolean | undefined;
}

/** Steps that were started somewhere inside and have not ended. */
interface Flock {
  open: Set<Promise<unknown>>;
  parent: Flock | undefined;
}

interface Store extends StepScope {
  flock: Flock | undefined;
}

const OUTSIDE: Store = { path: [], mayHold: true, flock: undefined };

const storage = new AsyncLocalStorage<Store>();

function store(): Store {
  return storage.getStore() ?? OUTSIDE;
}

/** The scope of the code that is running. */
export function currentScope(): Readonly<StepScope> {
  return store();
}

/** Runs `body`, and all that it starts, in the current scope with these changes. */
export function withStepScope<T>(change: Partial<StepScope>, body: () => Promise<T>): Promise<T> {
  return storage.run({ ...store(), ...change }, body);
}

/** Called for every step by the plugin's interceptor, so that blocks know what they still have to wait for. */
export function trackStep(step: Promise<unknown>): void {
  for (let flock = store().flock; flock !== undefined; flock = flock.parent) {
    const { open } = flock;
    const settled = step.then(
      () => undefined,
      () => undefined,
    );
    open.add(settled);
    void settled.then(() => open.delete(settled));
  }
}

/**
 * When `body` fails, steps that it has started and that still run are cancelled, and this ends only when they have: what comes
 * after it (cleanup above all) never races with them.
 */
export async function endTogether<T>(body: () => Promise<T>): Promise<T> {
  const flock: Flock = { open: new Set(), parent: store().flock };
  const scope = new CancellationScope();
  try {
    return await scope.run(() => storage.run({ ...store(), flock }, body));
  } catch (error) {
    scope.cancel();
    await CancellationScope.nonCancellable(() => Promise.all(flock.open));
    throw error;
  }
}

/**
 * Steps that `body` starts carry the group's name before theirs: `extract.extractSales`; in a mapped item the group carries the
 * item's key: `train[resnet].fit`. Groups nest; order and parallelism stay with the code inside. When `body` fails, the other
 * steps of the group are cancelled and waited for.
 *
 *     const [sales, clicks] = await taskGroup('extract', () => Promise.all([extractSales(interval), extractClicks(interval)]));
 */
export function taskGroup<T>(name: string, body: () => Promise<T>): Promise<T> {
  const { path, key } = currentScope();
  return withStepScope({ path: [...path, keyed(name, key)], key: undefined }, () => endTogether(body));
}

/** `train`, or `train[resnet]` for a mapped item. */
function keyed(name: string, key: string | undefined): string {
  return key === undefined ? name : `${name}[${key}]`;
}

/** What `name` is called here, behind its task groups and with the key of a mapped item: `extract.train[resnet]`. */
export function scopedName(name: string, { path, key }: Pick<StepScope, 'path' | 'key'> = currentScope()): string {
  return [...path, keyed(name, key)].join('.');
}
