import { Context } from '@temporalio/activity';
import { notYet } from '../../src/steps/not-yet.js';
import { reportProgress } from '../../src/steps/progress.js';
import type { Dependencies } from '../dependencies.js';
import { recordLag, type Position } from './metrics.js';

/** What a stream waits for. Times are milliseconds since the epoch. */
export interface SignupsWanted {
  topic: string;
  positions: readonly Position[];
  /** As soon as so many messages wait, */
  messages: number;
  /** or any from this time on; */
  due: number;
  /** at last with none: nobody is told of a wait that never ends. */
  until: number;
}

/**
 * A sensor: one look at the topic's ends, which fails until there is something to load. Asks the broker alone, and never the
 * warehouse. Positions that the broker does not have end the wait too, so that `fixBounds` says what is wrong.
 */
export function createAwaitSignups(deps: Dependencies) {
  return async function awaitSignups({ topic, positions, messages, due, until }: SignupsWanted): Promise<{ waiting: number }> {
    const { cancellationSignal: signal } = Context.current();
    const bounds = await deps.messages().bounds(topic, { signal });
    const waiting = recordLag(deps.meter, topic, bounds, positions);
    reportProgress({ rows: waiting });
    const isOff = positions.some(({ partition, offset }) => offset > (bounds.find((found) => found.partition === partition)?.end ?? 0));
    const now = Date.now();
    if (isOff || waiting >= messages || (waiting > 0 && now >= due) || now >= until) return { waiting: Math.max(waiting, isOff ? 1 : 0) };
    throw notYet(`${waiting} messages of ${topic} wait`);
  };
}
