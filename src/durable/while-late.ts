import { CancellationScope, sleep } from '@temporalio/workflow';
import { msToNumber, type Duration } from './duration.js';

/**
 * Does something for as long as `body` is late: after `within`, and then again and again, each time after twice as long. It never
 * delays `body` nor fails it.
 */
export async function whileLate<T>(within: Duration, look: () => Promise<void>, body: () => Promise<T>): Promise<T> {
  const watch = new CancellationScope();
  const watching = watch
    .run(async () => {
      for (let wait = msToNumber(within); ; wait *= 2) {
        await sleep(wait, { summary: 'late' });
        await look();
      }
    })
    // Only a watch that is cancelled ends, or one that could not look.
    .catch(() => undefined);
  try {
    return await body();
  } finally {
    watch.cancel();
    await CancellationScope.nonCancellable(() => watching);
  }
}
