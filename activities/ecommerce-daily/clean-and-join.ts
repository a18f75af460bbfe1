import { Context } from '@temporalio/activity';
import type { DatasetRef } from '../../src/datasets/dataset-ref.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import { MillraceError } from '../../src/errors.js';
import type { Dependencies } from '../dependencies.js';
import { formatMoney } from '../money.js';
import { withTransform, type Transform } from '../transform.js';
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

/** Judges every sales line, joins the good ones with customer, product and session, and sets the others aside with their reason. */
export function createCleanAndJoin(deps: Dependencies) {
  return async function cleanAndJoin(sources: OrderSources, interval: DataInterval): Promise<CleanOrders> {
    const { log } = Context.current();
    return withTransform(deps, { inputs: sources, interval, timezone: deps.sales().timezone }, async (transform) => {
      for (const statement of ['clean_sales', 'orders', 'quarantine']) await transform.run(`ecommerce-daily/${statement}`);
      const orders = await transform.write('staging', 'orders');
      const quarantine = await transform.write('quarantine', 'quarantine');
      const counts = await countLines(transform);
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
    });
  };
}

interface LineCounts {
  read: number;
  kept: number;
  revenue: string;
  quarantined: Record<string, Record<string, number>>;
}

async function countLines(transform: Transform): Promise<LineCounts> {
  const [lines] = await transform.read(
    'SELECT count(*), count(*) FILTER (reason IS NULL), coalesce(sum(quantity * unit_price) FILTER (reason IS NULL), 0) FROM clean_sales',
  );
  const [read, kept, revenue] = lines as [string, string, string];
  const quarantined: LineCounts['quarantined'] = {};
  const reasons = await transform.read('SELECT source, reason, count(*) FROM quarantine GROUP BY ALL ORDER BY ALL');
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
