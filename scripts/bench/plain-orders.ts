import type { DuckDBConnection } from '@duckdb/node-api';
import { ORDERS, REVENUE_BY_CATEGORY, REVENUE_BY_COUNTRY } from '../../activities/ecommerce-daily/order-tables.js';
import { readText, sqlFiles, sqlString, withScratchDatabase, type DuckDBLimits } from '../../src/duckdb/duckdb.js';
import { loadSql } from '../../src/sql-files.js';
import { duckdbDialect } from '../../src/warehouse/duckdb-dialect.js';
import { columnDefinitions } from '../../src/warehouse/tables.js';

export interface PlainOrders {
  /** Parquet files by source. */
  files: Record<string, string>;
  /** The database file that is published to. */
  database: string;
  /** Where the quarantined rows go. */
  quarantine: string;
  interval: { start: string; end: string };
  limits: DuckDBLimits;
}

const STAGING = 'warehouse.staged_orders';

/**
 * What somebody would write who has DuckDB and a cron job, and needs no retries, no history and no second engine: one
 * connection, the same statements on the same files, every row written once to staging and once to its table.
 */
export async function plainOrders({ files, database, quarantine, interval, limits }: PlainOrders): Promise<void> {
  await withScratchDatabase(limits, async (db) => {
    await db.run(`ATTACH ${sqlString(database)} AS warehouse`);
    for (const [name, file] of Object.entries(files)) await db.run(`SET VARIABLE ${name} = ${sqlFiles([file])}`);
    for (const [name, time] of Object.entries(interval)) await db.run(`SET VARIABLE interval_${name} = ${timestamp(time)}`);
    for (const statement of ['clean_sales', 'orders', 'quarantine']) await db.run(await loadSql(`ecommerce-daily/${statement}`));
    await db.run(`COPY quarantine TO ${sqlString(quarantine)} (FORMAT parquet, COMPRESSION snappy)`);
    await db.run(`CREATE OR REPLACE TABLE ${STAGING} AS FROM temp.orders`);
    await check(db, interval);
    await publish(db, interval);
    await db.run(`DROP TABLE ${STAGING}`);
    await db.run('DETACH warehouse');
  });
}

/** The checks of `activities/ecommerce-daily/check-orders.ts` as two queries; the revenue expected comes from the lines before the join. */
async function check(db: DuckDBConnection, { start, end }: PlainOrders['interval']): Promise<void> {
  const [expected] = await readText(
    db,
    `SELECT count(*) FILTER (reason IS NULL), sum(quantity * unit_price) FILTER (reason IS NULL), count(*), (SELECT count(*) FROM quarantine WHERE source = 'sales') FROM clean_sales`,
  );
  const [lines, revenue, read, quarantined] = expected!;
  const [measured] = await readText(
    db,
    `SELECT
      count(*) = ${lines} AND count(*) > 0 AND ${read} = count(*) + ${quarantined},
      sum(line_total) = ${revenue},
      count(*) FILTER (invoice_no IS NULL OR line_no IS NULL OR stock_code IS NULL) = 0,
      count(*) FILTER (order_ts < ${timestamp(start)} OR order_ts >= ${timestamp(end)}) = 0,
      count(*) FILTER (NOT is_return AND (quantity < 1 OR quantity > 100000)) = 0,
      count(*) FILTER (is_return AND (quantity < -100000 OR quantity > -1)) = 0,
      count(*) FILTER (unit_price <= 0 OR unit_price > 100000) = 0,
      count(*) FILTER (category = 'uncategorised') <= 0.1 * count(*)
    FROM ${STAGING}`,
  );
  const [duplicates] = await readText(db, `SELECT count(*) = 0 FROM (SELECT 1 FROM ${STAGING} GROUP BY invoice_no, line_no HAVING count(*) > 1)`);
  const passed = [...measured!, ...duplicates!];
  if (passed.some((verdict) => verdict !== 'true')) throw new Error(`the plain script's checks failed: ${passed.join(', ')}`);
}

async function publish(db: DuckDBConnection, { start }: PlainOrders['interval']): Promise<void> {
  const revenueBy = (dimension: string): Promise<string> => loadSql('ecommerce-daily/daily_revenue', { orders: STAGING, dimension });
  await db.run('BEGIN');
  for (const [table, query] of [
    [ORDERS, `FROM ${STAGING}`],
    [REVENUE_BY_CATEGORY, await revenueBy('category')],
    [REVENUE_BY_COUNTRY, await revenueBy('country')],
  ] as const) {
    const target = `warehouse.${table.name}`;
    await db.run(`CREATE TABLE IF NOT EXISTS ${target} (${columnDefinitions(duckdbDialect, table.columns, 'target')})`);
    await db.run(`DELETE FROM ${target} WHERE interval_start = ${timestamp(start)}`);
    await db.run(`INSERT INTO ${target} ${query}`);
  }
  await db.run('COMMIT');
}

function timestamp(iso: string): string {
  return duckdbDialect.literal(iso, 'timestamp');
}
