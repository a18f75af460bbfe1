import { MillraceError } from '../errors.js';
import type { Dialect } from './dialect.js';
import type { Column, LoadInterval, SqlValue, TableSpec, Warehouse } from './warehouse.js';

/** Who published which interval: one row per pipeline and interval, written in the transaction that publishes. */
export const LEDGER: TableSpec = {
  name: 'millrace_loads',
  columns: [
    { name: 'pipeline', type: 'text' },
    { name: 'interval_start', type: 'timestamp' },
    { name: 'interval_end', type: 'timestamp' },
    { name: 'generation', type: 'bigint' },
    { name: 'run', type: 'text' },
    /** JSON: rows published per table. */
    { name: 'rows', type: 'text' },
    /** JSON: rows per uri that was read. */
    { name: 'sources', type: 'text' },
    { name: 'published_at', type: 'timestamp' },
  ],
  key: ['pipeline', 'interval_start'],
};

/** What a run says of itself before it touches the interval's rows. */
export interface LedgerClaim {
  pipeline: string;
  interval: LoadInterval;
  generation: number;
  run: string;
  sources: Record<string, number>;
}

export interface LedgerHolder {
  run: string;
  generation: number;
}

/** The claim as a ledger row, without the rows that are published only after it. */
export function ledgerValues(claim: LedgerClaim): Record<string, SqlValue> {
  return {
    pipeline: claim.pipeline,
    interval_start: claim.interval.start,
    interval_end: claim.interval.end,
    generation: claim.generation,
    run: claim.run,
    rows: '{}',
    sources: JSON.stringify(claim.sources),
    published_at: new Date().toISOString(),
  };
}

export function insertClaim(dialect: Dialect, claim: LedgerClaim): string {
  const values = ledgerValues(claim);
  const names = LEDGER.columns.map((column) => dialect.identifier(column.name)).join(', ');
  const literals = LEDGER.columns.map((column) => dialect.literal(values[column.name] ?? null, column.type)).join(', ');
  return `INSERT INTO ${dialect.identifier(LEDGER.name)} (${names}) VALUES (${literals})`;
}

/** The predicate for the ledger row of the claim's interval. */
export function ofInterval(dialect: Dialect, claim: LedgerClaim): string {
  return `pipeline = ${dialect.literal(claim.pipeline, 'text')} AND interval_start = ${dialect.literal(claim.interval.start, 'timestamp')}`;
}

export function selectHolder(dialect: Dialect, claim: LedgerClaim): string {
  return `SELECT run, generation FROM ${dialect.identifier(LEDGER.name)} WHERE ${ofInterval(dialect, claim)}`;
}

export function holderOf(row: readonly SqlValue[] | undefined): LedgerHolder | undefined {
  return row && { run: String(row[0]), generation: Number(row[1]) };
}

/** Completes the claim's row with what was published. */
export function recordRows(dialect: Dialect, claim: LedgerClaim, rows: Record<string, number>): string {
  const set = (name: string, value: SqlValue): string => `${dialect.identifier(name)} = ${dialect.literal(value, ledgerColumn(name).type)}`;
  const changes = [set('rows', JSON.stringify(rows)), set('published_at', new Date().toISOString())];
  return `UPDATE ${dialect.identifier(LEDGER.name)} SET ${changes.join(', ')} WHERE ${ofInterval(dialect, claim)}`;
}

function ledgerColumn(name: string): Column {
  return LEDGER.columns.find((column) => column.name === name)!;
}

/** Starts of those of the intervals (in the order of time) that a run has published. */
export async function loadedIntervals(warehouse: Warehouse, pipeline: string, intervals: readonly LoadInterval[], options: { signal: AbortSignal }): Promise<Set<string>> {
  const [first, last] = [intervals[0], intervals.at(-1)];
  if (first === undefined || last === undefined || (await warehouse.describe(LEDGER.name)) === undefined) return new Set();
  const { dialect } = warehouse;
  const { rows } = await warehouse.query(
    `SELECT interval_start, interval_end FROM ${dialect.identifier(LEDGER.name)} WHERE pipeline = ${dialect.literal(pipeline, 'text')} ` +
      `AND interval_start >= ${dialect.literal(first.start, 'timestamp')} AND interval_start <= ${dialect.literal(last.start, 'timestamp')}`,
    options,
  );
  const ends = new Map(rows.map(([start, end]) => [Date.parse(String(start)), Date.parse(String(end))]));
  // A load of other hours that begin at the same time is not a load of the interval.
  return new Set(intervals.filter(({ start, end }) => ends.get(Date.parse(start)) === Date.parse(end)).map(({ start }) => start));
}

export function staleRun(claim: LedgerClaim, holder: LedgerHolder): MillraceError {
  return new MillraceError(
    'STALE_RUN',
    `Run ${claim.run} (generation ${claim.generation}) may not publish ${claim.pipeline} for ${claim.interval.start}: the newer run ${holder.run} ` +
      `(generation ${holder.generation}) has already done so. Nothing was changed. Start a new run if the interval is to be published again.`,
    { details: { run: claim.run, generation: claim.generation, newerRun: holder.run, newerGeneration: holder.generation } },
  );
}
