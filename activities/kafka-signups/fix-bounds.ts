import { Context } from '@temporalio/activity';
import type { DataInterval } from '../../src/durable/data-interval.js';
import { expired } from '../../src/kafka/range-progress.js';
import type { OffsetRange, PartitionBounds } from '../../src/kafka/message-log.js';
import type { Dependencies } from '../dependencies.js';
import { loadedOffsets } from './loaded-offsets.js';

/** What one run, or one batch of a stream, reads: fixed once, so that every attempt and every re-run reads the same. */
export interface Batch {
  topic: string;
  ranges: LoadRange[];
  /** Offsets in all ranges: as many messages, or fewer where transactions and compaction have left gaps. */
  offsets: number;
  /** Offsets that retention has deleted unread and that `skipExpired` has given up. */
  lost: number;
  /** Of a stream: the consumer group of all of its batches. Brokers keep a group for days. */
  group?: string;
}

export interface LoadRange extends OffsetRange {
  /** Where loading had come to when the bounds were fixed; absent for a partition that was never loaded. */
  loaded?: number;
}

/** Of a stream. */
export interface BatchOptions {
  group: string;
  /** Offsets that the batch takes at most; the others are the next batch's. */
  most?: number;
}

/**
 * From where the warehouse says that loading has come to (a partition that was never loaded: from its oldest message) to the
 * present end. `OFFSETS_EXPIRED` where messages in between are gone, unless `skipExpired` accepts that.
 */
export function createFixBounds(deps: Dependencies) {
  return async function fixBounds(topic: string, skipExpired: boolean, _interval: DataInterval, { group, most = Infinity }: Partial<BatchOptions> = {}): Promise<Batch> {
    const { cancellationSignal: signal, log } = Context.current();
    const loaded = await loadedOffsets(deps.warehouse(), topic, signal);
    const bounds = await deps.messages().bounds(topic, { signal });
    const ranges = upTo(most, bounds.map((partition) => rangeOf(topic, partition, loaded.get(partition.partition), skipExpired)));
    const offsets = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
    const lost = bounds.reduce((sum, { partition, low }) => sum + Math.max(0, low - (loaded.get(partition) ?? low)), 0);
    log.info(`${offsets} offsets of ${topic} to read: ${ranges.map(({ partition, from, to }) => `${partition}: ${from}-${to}`).join(', ')}`);
    if (lost > 0) log.warn(`${lost} offsets of ${topic} had expired and are skipped, as skipExpired says`);
    return { topic, ranges, offsets, lost, ...(group === undefined ? {} : { group }) };
  };
}

function rangeOf(topic: string, { partition, low, end }: PartitionBounds, loaded: number | undefined, skipExpired: boolean): LoadRange {
  const from = loaded ?? low;
  const range = { partition, from, to: end, ...(loaded === undefined ? {} : { loaded }) };
  if (from >= low && from <= end) return range;
  if (!skipExpired) throw expired(topic, partition, from, `The broker has ${low} to ${end}.`);
  return { ...range, from: low };
}

/** Cuts the ranges to `most` offsets together: the short ones stay whole, the long ones share what is left. */
export function upTo<R extends OffsetRange>(most: number, ranges: readonly R[]): R[] {
  const byLength = ranges.toSorted((a, b) => a.to - a.from - (b.to - b.from));
  let left = most;
  const ends = new Map(
    byLength.map(({ partition, from, to }, index) => {
      const taken = Math.min(to - from, Math.ceil(left / (byLength.length - index)));
      left -= taken;
      return [partition, from + taken];
    }),
  );
  return ranges.map((range) => ({ ...range, to: ends.get(range.partition)! }));
}
