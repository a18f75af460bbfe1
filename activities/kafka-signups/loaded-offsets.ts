import type { DataInterval } from '../../src/durable/data-interval.js';
import { MillraceError } from '../../src/errors.js';
import type { PublishGuard, PublishTable, Warehouse } from '../../src/warehouse/warehouse.js';
import type { Batch, LoadRange } from './fix-bounds.js';
import { LOADED_OFFSETS, LOADER } from './tables.js';

/** By partition; a partition that was never loaded is not there. */
export async function loadedOffsets(warehouse: Warehouse, topic: string, signal: AbortSignal): Promise<Map<number, number>> {
  if ((await warehouse.describe(LOADED_OFFSETS.name)) === undefined) return new Map();
  const { rows } = await warehouse.query(`SELECT topic_partition, next_offset FROM ${warehouse.dialect.identifier(LOADED_OFFSETS.name)} WHERE ${ofTopic(warehouse, topic)}`, { signal });
  return new Map(rows.map(([partition, offset]) => [Number(partition), Number(offset)]));
}

/** The batch's ends, to be published along with its rows, and only where nobody else has loaded from the same offsets since. */
export function publishedOffsets(warehouse: Warehouse, { topic, ranges }: Batch, interval: DataInterval): PublishTable {
  const { dialect } = warehouse;
  const rows = ranges.map(({ partition, to }) => {
    const values = [interval.start, interval.end, LOADER, topic, partition, String(to), interval.run];
    return `SELECT ${LOADED_OFFSETS.columns.map(({ name, type }, index) => `CAST(${dialect.literal(values[index]!, type)} AS ${dialect.type(type)}) AS ${dialect.identifier(name)}`).join(', ')}`;
  });
  return { target: LOADED_OFFSETS, from: { query: rows.join(' UNION ALL ') }, mode: 'merge', guard: guard(warehouse, topic, ranges, interval.run) };
}

/** Compare and set: each partition stands where it stood when the bounds were fixed, or where an earlier attempt of this very load has left it. */
function guard(warehouse: Warehouse, topic: string, ranges: readonly LoadRange[], run: string): PublishGuard {
  const { dialect } = warehouse;
  const bigint = (value: number): string => dialect.literal(String(value), 'bigint');
  const moved = ranges.map(({ partition, to, loaded }) => {
    const asItWas = loaded === undefined ? '' : `next_offset <> ${bigint(loaded)} AND `;
    return `(topic_partition = ${partition} AND ${asItWas}NOT (next_offset = ${bigint(to)} AND loaded_by = ${dialect.literal(run, 'text')}))`;
  });
  return {
    violations: `SELECT topic_partition FROM ${dialect.identifier(LOADED_OFFSETS.name)} WHERE ${ofTopic(warehouse, topic)} AND (${moved.join(' OR ')})`,
    refusal: new MillraceError(
      'OFFSETS_MOVED',
      `Messages of ${topic} between the bounds of this run have been loaded by another one in the meantime. Nothing was published, and nothing is lost. Run the pipeline again: it begins where loading has come to.`,
    ),
  };
}

function ofTopic({ dialect }: Warehouse, topic: string): string {
  return `pipeline = ${dialect.literal(LOADER, 'text')} AND topic = ${dialect.literal(topic, 'text')}`;
}
