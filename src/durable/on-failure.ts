import { CancellationScope, TemporalFailure, isCancellation, log } from '@temporalio/workflow';

/**
 * Runs `handler` when `body` fails (Airflow's `one_failed`), not when it is cancelled. The handler cannot be cancelled, and the
 * error of `body` is kept: an error of the handler is only logged.
 *
 *     await onFailure((error) => releaseReservation(order, error.message), () => shipOrder(order));
 *
 * A bug in workflow code (a plain Error) is no failure: Temporal tries that task again until the code has been repaired.
 */
export async function onFailure<T>(handler: (error: TemporalFailure) => Promise<unknown>, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof TemporalFailure && !isCancellation(error)) await CancellationScope.nonCancellable(() => handler(error)).catch(logged);
    throw error;
  }
}

function logged(handlerError: unknown): void {
  log.warn('the handler of a failure has failed too', { error: String(handlerError) });
}
