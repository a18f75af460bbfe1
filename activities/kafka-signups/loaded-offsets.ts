import type { DataInterval } from '../../src/durable/data-interval.js';
import type { OffsetRange } from '../../src/kafka/message-log.js';
import type { PublishTable, Warehouse } from '../../src/warehouse/warehouse.js';
import { LOADED_OFFSETS } from './tables.js';

/** By partition; a partition that was never loaded is not there. */
export async function loadedOffsets(warehouse: Warehouse, pipeline: string, topic: string, signal: AbortSignal): Promise<Map<number, number>> {
  if ((await warehouse.describe(LOADED_OFFSETS.name)) === undefined) return new Map();
  const { dialect } = warehouse;
  const { rows } = await warehouse.query(
    `SELECT topic_partition, next_offset FROM ${dialect.identifier(LOADED_OFFSETS.name)} ` +
      `WHERE pipeline = ${dialect.literal(pipeline, 'text')} AND topic = ${dialect.literal(topic, 'text')}`,
    { signal },
  );
  return new Map(rows.map(([partition, offset]) => [Number(partition), Number(offset)]));
}

/**
 * The ranges' ends, to be published along with their rows. They never go back: a run of an earlier interval that ends late has
 * read what a later one has loaded already.
 */
export async function publishedOffsets(warehouse: Warehouse, interval: DataInterval, topic: string, ranges: readonly OffsetRange[], signal: AbortSignal): Promise<PublishTable> {
  const { dialect } = warehouse;
  const loaded = await loadedOffsets(warehouse, interval.pipeline, topic, signal);
  const rows = ranges.map(({ partition, to }) => {
    const values = [interval.start, interval.end, interval.pipeline, topic, partition, String(Math.max(to, loaded.get(partition) ?? 0))];
    return `SELECT ${LOADED_OFFSETS.columns.map(({ name, type }, index) => `CAST(${dialect.literal(values[index]!, type)} AS ${dialect.type(type)}) AS ${dialect.identifier(name)}`).join(', ')}`;
  });
  return { target: LOADED_OFFSETS, from: { query: rows.join(' UNION ALL ') }, mode: 'merge' };
}
