import { CancellationScope, isCancellation, log } from '@temporalio/workflow';
import { isSuperseded } from './rerun.js';
import { withStepScope } from './step-scope.js';

export type Outcome = 'completed' | 'failed' | 'cancelled';

/**
 * Runs `cleanup` after `body`, whatever became of it (Airflow's `all_done`), also when the run is cancelled. The error of
 * `body` is kept: an error of `cleanup` is only logged then. After a `body` that completed, an error of `cleanup` fails the
 * run: what is left behind should be seen by somebody. Steps of a cleanup are never held: a run that has failed is not to wait
 * for its cleanup.
 */
export async function withCleanup<T>(cleanup: (outcome: Outcome) => Promise<unknown>, body: () => Promise<T>): Promise<T> {
  const clean = (outcome: Outcome): Promise<unknown> => CancellationScope.nonCancellable(() => withStepScope({ cleanup: true, mayHold: false }, () => cleanup(outcome)));
  let result: T;
  try {
    result = await body();
  } catch (error) {
    await clean(isCancellation(error) && !isSuperseded() ? 'cancelled' : 'failed').catch((cleanupError: unknown) => {
      log.warn('cleanup failed after the run had failed', { error: String(cleanupError) });
    });
    throw error;
  }
  await clean('completed');
  return result;
}
