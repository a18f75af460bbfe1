import { CATALOG, type FreshnessTarget } from '../catalog.js';
import { LEDGER } from '../warehouse/ledger.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import type { TableAge } from './health.js';

/** A load of a pipeline may leave a table out; one of so many has it. */
const LOADS = 100;

/**
 * How old the data of a pipeline's tables is, as the ledger has it: no table is read. Data is as old as the end of the newest interval
 * in it, and no younger than its publication: what a backfill publishes today is not of today. Loads of every pipeline that publishes the
 * table count.
 */
export async function tableAges(warehouse: Warehouse, targets: readonly FreshnessTarget[], now: Date, signal: AbortSignal): Promise<TableAge[]> {
  if (targets.length === 0) return [];
  if ((await warehouse.describe(LEDGER.name)) === undefined) return targets.map(({ table, mostHours }) => ({ table, mostHours }));
  const pipelines = CATALOG.filter(({ publishes }) => targets.some(({ table }) => publishes.includes(table))).map(({ name }) => name);
  const loads = await newestLoads(warehouse, pipelines, signal);
  return targets.map(({ table, mostHours }) => {
    const newest = loads.filter(({ tables }) => tables.has(table)).toSorted((a, b) => b.dataUntil - a.dataUntil)[0];
    if (newest === undefined) return { table, mostHours };
    return { table, mostHours, ageSeconds: Math.max(0, Math.round((now.getTime() - newest.dataUntil) / 1000)), publishedAt: newest.publishedAt };
  });
}

interface Load {
  tables: ReadonlySet<string>;
  /** Milliseconds since the epoch. */
  dataUntil: number;
  publishedAt: string;
}

async function newestLoads(warehouse: Warehouse, pipelines: readonly string[], signal: AbortSignal): Promise<Load[]> {
  const { dialect } = warehouse;
  const names = pipelines.map((name) => dialect.literal(name, 'text')).join(', ');
  const { rows } = await warehouse.query(
    `SELECT interval_end, published_at, ${dialect.identifier('rows')} FROM ${dialect.identifier(LEDGER.name)} WHERE pipeline IN (${names}) ORDER BY interval_end DESC LIMIT ${LOADS}`,
    { signal },
  );
  return rows.map(([end, publishedAt, published]) => ({
    tables: new Set(Object.keys(JSON.parse(String(published)) as Record<string, number>)),
    dataUntil: Math.min(Date.parse(String(end)), Date.parse(String(publishedAt))),
    publishedAt: new Date(String(publishedAt)).toISOString(),
  }));
}
