import { Context } from '@temporalio/activity';
import type { StagedTable } from '../../src/datasets/references.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import { loadSql } from '../../src/sql-files.js';
import type { Dialect } from '../../src/warehouse/dialect.js';
import type { PublishTable, SqlValue, TableSpec, Warehouse } from '../../src/warehouse/warehouse.js';
import type { Dependencies } from '../dependencies.js';
import { formatMoney } from '../money.js';
import { publishedBy, salesTotals, type SalesTotals } from '../publication.js';
import { stepToken } from '../step-token.js';
import type { OrderSources } from './clean-and-join.js';
import { ORDERS, REVENUE_BY_CATEGORY, REVENUE_BY_COUNTRY } from './order-tables.js';

export interface RevenueLine {
  name: string;
  lines: number;
  /** Decimal as text. */
  revenue: string;
}

/** Totals of the published table's lines of this interval. */
export interface OrdersSummary extends SalesTotals {
  /** Largest first. */
  revenueByCategory: RevenueLine[];
  revenueByCountry: RevenueLine[];
  /** Where the tables are; never with credentials. */
  warehouse: string;
}

/** Publish: in one transaction the day's lines and its revenue tables replace what an earlier run left, and the ledger says so. */
export function createPublishOrders(deps: Dependencies) {
  return async function publishOrders(staged: StagedTable, sources: OrderSources, interval: DataInterval): Promise<OrdersSummary> {
    const { cancellationSignal: signal, log } = Context.current();
    const warehouse = deps.warehouse();
    const orders = warehouse.dialect.identifier(staged.table);
    const revenueBy = async (target: TableSpec, dimension: string): Promise<PublishTable> => ({
      target,
      from: { query: await loadSql('ecommerce-daily/daily_revenue', { orders, dimension }) },
      mode: 'replace-interval',
    });
    const { rows } = await warehouse.publish(
      {
        ...publishedBy(interval),
        tables: [
          { target: ORDERS, from: { staging: staged.table }, mode: 'replace-interval' },
          await revenueBy(REVENUE_BY_CATEGORY, 'category'),
          await revenueBy(REVENUE_BY_COUNTRY, 'country'),
        ],
        sources: Object.fromEntries(Object.values(sources).map((ref) => [ref.uri, ref.rows])),
      },
      { signal, token: stepToken() },
    );
    log.info(`published ${rows[ORDERS.name]} lines of ${interval.label} to ${warehouse.description}`);
    return summarise(warehouse, interval, signal);
  };
}

/** Read back from the published tables, so that what a run reports is what its readers see. */
async function summarise(warehouse: Warehouse, interval: DataInterval, signal: AbortSignal): Promise<OrdersSummary> {
  const { dialect } = warehouse;
  const ofInterval = `WHERE ${dialect.identifier('interval_start')} = ${dialect.literal(interval.start, 'timestamp')}`;
  return {
    ...(await salesTotals(warehouse, ORDERS.name, ofInterval, signal)),
    revenueByCategory: await revenueLines(warehouse, REVENUE_BY_CATEGORY, 'category', ofInterval, signal),
    revenueByCountry: await revenueLines(warehouse, REVENUE_BY_COUNTRY, 'country', ofInterval, signal),
    warehouse: warehouse.description,
  };
}

async function revenueLines(warehouse: Warehouse, table: TableSpec, dimension: string, where: string, signal: AbortSignal): Promise<RevenueLine[]> {
  const identifier: Dialect['identifier'] = (name) => warehouse.dialect.identifier(name);
  const { rows } = await warehouse.query(
    `SELECT ${identifier(dimension)}, lines, revenue FROM ${identifier(table.name)} ${where} ORDER BY revenue DESC, ${identifier(dimension)}`,
    { signal },
  );
  return rows.map(([name, lines, revenue]: readonly SqlValue[]) => ({ name: String(name), lines: Number(lines), revenue: formatMoney(String(revenue)) }));
}
