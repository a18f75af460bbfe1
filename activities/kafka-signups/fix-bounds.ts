import { Context } from '@temporalio/activity';
import type { DataInterval } from '../../src/durable/data-interval.js';
import { expired } from '../../src/kafka/range-progress.js';
import type { OffsetRange, PartitionBounds } from '../../src/kafka/message-log.js';
import type { Dependencies } from '../dependencies.js';
import { loadedOffsets } from './loaded-offsets.js';

/** What one run reads: fixed once, so that every attempt and every re-run reads the same. */
export interface Batch {
  topic: string;
  ranges: OffsetRange[];
  /** Offsets in all ranges: as many messages, or fewer where transactions and compaction have left gaps. */
  offsets: number;
  /** Offsets that retention has deleted unread and that `skipExpired` has given up. */
  lost: number;
}

/**
 * From where the warehouse says that loading has come to (a partition that was never loaded: from its oldest message) to the
 * present end. `OFFSETS_EXPIRED` where messages in between are gone, unless `skipExpired` accepts that.
 */
export function createFixBounds(deps: Dependencies) {
  return async function fixBounds(topic: string, skipExpired: boolean, interval: DataInterval): Promise<Batch> {
    const { cancellationSignal: signal, log } = Context.current();
    const loaded = await loadedOffsets(deps.warehouse(), interval.pipeline, topic, signal);
    const bounds = await deps.messages().bounds(topic, { signal });
    const ranges = bounds.map((partition) => rangeOf(topic, partition, loaded.get(partition.partition), skipExpired));
    const offsets = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
    const lost = bounds.reduce((sum, { partition, low }) => sum + Math.max(0, low - (loaded.get(partition) ?? low)), 0);
    log.info(`${offsets} offsets of ${topic} to read: ${ranges.map(({ partition, from, to }) => `${partition}: ${from}-${to}`).join(', ')}`);
    if (lost > 0) log.warn(`${lost} offsets of ${topic} had expired and are skipped, as skipExpired says`);
    return { topic, ranges, offsets, lost };
  };
}

function rangeOf(topic: string, { partition, low, end }: PartitionBounds, loaded: number | undefined, skipExpired: boolean): OffsetRange {
  const from = loaded ?? low;
  if (from >= low && from <= end) return { partition, from, to: end };
  if (!skipExpired) throw expired(topic, partition, from, `The broker has ${low} to ${end}.`);
  return { partition, from: low, to: end };
}
