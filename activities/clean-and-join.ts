import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { DatasetRef } from '../src/datasets/dataset-ref.js';
import { schemaFingerprint } from '../src/datasets/parquet-writer.js';
import type { DataInterval } from '../src/durable/data-interval.js';
import { interruptible, readText, sqlFiles, sqlString, withScratchDatabase } from '../src/duckdb/duckdb.js';
import { MillraceError } from '../src/errors.js';
import { loadSql } from '../src/sql-files.js';
import { localDataset, madeByThisStep, runPrefix, withScratchFolder, type Layer } from './datasets.js';
import { formatMoney } from './money.js';
import type { Dependencies } from './dependencies.js';
import type { SourceName } from './source-name.js';

export type OrderSources = Record<SourceName, DatasetRef>;

/** What was read, per source; `quarantined` where lines of that source could not be used. */
export interface SourceSummary {
  sources: Record<SourceName, { rows: number; quarantined?: Record<string, number> }>;
}

export interface QuarantineSummary {
  /** Sales lines that were not published, by reason: read = published + quarantined. */
  quarantined: Record<string, number>;
  /** Every quarantined row of every source, with reason and position. */
  quarantine: DatasetRef;
}

/** What the warehouse must hold when all lines have arrived there: computed here, from the lines before any join. */
export interface ExpectedOrders {
  lines: number;
  /** Decimal as text. */
  revenue: string;
  /** 0 only for a day whose sales were empty and allowed to be. */
  atLeast: 0 | 1;
}

export interface CleanOrders {
  orders: DatasetRef;
  expected: ExpectedOrders;
  /** What was read, for the ledger. */
  sources: OrderSources;
  summary: SourceSummary & QuarantineSummary;
}

/**
 * Row groups come out up to 2,047 rows larger than asked for, and must stay below the 122,880 of a DuckDB table's: above, every
 * group leaves a small one behind in the staging table, and the next checkpoints rewrite that table to merge them.
 */
const ROW_GROUP_ROWS = 120_832;

/** Judges every sales line, joins the good ones with customer, product and session, and sets the others aside with their reason. */
export function createCleanAndJoin(deps: Dependencies) {
  return async function cleanAndJoin(sources: OrderSources, interval: DataInterval): Promise<CleanOrders> {
    const { cancellationSignal: signal, log } = Context.current();
    const lake = deps.lake();
    const timezone = deps.sales().timezone;
    return withScratchFolder(deps.limits, (folder) =>
      withScratchDatabase({ ...deps.limits, scratchDir: folder }, async (db) => {
        const run = (sql: string) => interruptible(db, signal, () => db.run(sql)).catch(transformFailed(interval, signal));
        for (const [name, ref] of Object.entries(sources)) {
          await run(`SET VARIABLE ${name} = ${sqlFiles([await localDataset(lake, ref, folder, signal)])}`);
        }
        await run(`SET VARIABLE interval_start = ${utcTimestamp(interval.start)}`);
        await run(`SET VARIABLE interval_end = ${utcTimestamp(interval.end)}`);
        await run(`SET TimeZone = ${sqlString(timezone)}`);
        for (const statement of ['clean_sales', 'orders', 'quarantine']) await run(await loadSql(`ecommerce-daily/${statement}`));

        const write = async (layer: Layer, table: string): Promise<DatasetRef> => {
          const file = join(folder, `${table}.parquet`);
          await run(`COPY (FROM ${table}) TO ${sqlString(file)} (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE ${ROW_GROUP_ROWS})`);
          return storeParquet(deps, db, file, layer, table, interval);
        };
        const orders = await write('staging', 'orders');
        const quarantine = await write('quarantine', 'quarantine');
        const counts = await countLines(db);
        reconcile(sources, orders, counts, interval);
        log.info(`${counts.read} sales lines read, ${orders.rows} kept, ${counts.read - orders.rows} quarantined`);

        return {
          orders,
          expected: { lines: counts.kept, revenue: counts.revenue, atLeast: sources.sales.rows === 0 ? 0 : 1 },
          sources,
          summary: {
            sources: {
              sales: { rows: sources.sales.rows },
              customers: { rows: sources.customers.rows },
              products: { rows: sources.products.rows },
              clicks: { rows: sources.clicks.rows, quarantined: counts.quarantined['clicks'] ?? {} },
            },
            quarantined: counts.quarantined['sales'] ?? {},
            quarantine,
          },
        };
      }),
    );
  };
}

interface LineCounts {
  read: number;
  kept: number;
  revenue: string;
  quarantined: Record<string, Record<string, number>>;
}

async function countLines(db: DuckDBConnection): Promise<LineCounts> {
  const [lines] = await readText(
    db,
    'SELECT count(*), count(*) FILTER (reason IS NULL), coalesce(sum(quantity * unit_price) FILTER (reason IS NULL), 0) FROM clean_sales',
  );
  const [read, kept, revenue] = lines as [string, string, string];
  const quarantined: LineCounts['quarantined'] = {};
  const reasons = await readText(db, 'SELECT source, reason, count(*) FROM quarantine GROUP BY ALL ORDER BY ALL');
  for (const [source, reason, rows] of reasons as [string, string, string][]) (quarantined[source] ??= {})[reason] = Number(rows);
  return { read: Number(read), kept: Number(kept), revenue: formatMoney(revenue), quarantined };
}

/** read = published + quarantined, in every run, and no join has added or lost a line. */
function reconcile(sources: OrderSources, orders: DatasetRef, counts: LineCounts, interval: DataInterval): void {
  const quarantined = Object.values(counts.quarantined['sales'] ?? {}).reduce((sum, rows) => sum + rows, 0);
  if (sources.sales.rows === counts.read && counts.read === orders.rows + quarantined && orders.rows === counts.kept) return;
  throw new MillraceError(
    'RECONCILIATION_FAILED',
    `sales of ${interval.label}: ${sources.sales.rows} lines extracted, ${counts.read} read, ${orders.rows} to publish and ${quarantined} quarantined do not add up. Nothing was published.`,
  );
}

async function storeParquet(
  deps: Dependencies,
  db: DuckDBConnection,
  file: string,
  layer: Layer,
  table: string,
  interval: DataInterval,
): Promise<DatasetRef> {
  const lake = deps.lake();
  const [count, columns, { size }] = await Promise.all([
    readText(db, `SELECT count(*) FROM read_parquet(${sqlFiles([file])})`),
    readText(db, `SELECT column_name, column_type FROM (DESCRIBE FROM read_parquet(${sqlFiles([file])}))`),
    stat(file),
  ]);
  const stored = await lake.putFile(`${runPrefix(layer, interval)}${table}.parquet`, file, { move: true, signal: Context.current().cancellationSignal });
  return {
    uri: lake.uri(stored.key),
    format: 'parquet',
    rows: Number(count[0]![0]),
    bytes: size,
    schema: schemaFingerprint(columns as [string, string][]),
    madeBy: madeByThisStep(interval),
  };
}

function utcTimestamp(iso: string): string {
  return `CAST(${sqlString(iso.replace('T', ' ').replace('Z', ''))} AS TIMESTAMP)`;
}

function transformFailed(interval: DataInterval, signal: AbortSignal) {
  return (error: unknown): never => {
    signal.throwIfAborted();
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new MillraceError('TRANSFORM_FAILED', `cleanAndJoin of ${interval.label}: ${reason}. See sql/ecommerce-daily/ for the statement.`, { cause: error });
  };
}
