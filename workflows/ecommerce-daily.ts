import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { SourceName } from '../activities/ecommerce-daily/source-name.js';
import type { OrdersSummary } from '../activities/ecommerce-daily/publish-orders.js';
import type { CheckSummary } from '../activities/check-staged.js';
import type { QuarantineSummary, SourceSummary } from '../activities/ecommerce-daily/clean-and-join.js';
import { dataInterval, type DataInterval, type IntervalParams } from '../src/durable/data-interval.js';
import { taskGroup } from '../src/durable/step-scope.js';
import { withCleanup } from '../src/durable/with-cleanup.js';
import { API, CLEANUP, EXTRACT, TRANSFORM, WAREHOUSE } from './policies.js';

const { extractSales, extractProducts, extractClicks } = proxyActivities<Activities>(EXTRACT);
const { extractCustomers } = proxyActivities<Activities>(API);
const { cleanAndJoin } = proxyActivities<Activities>(TRANSFORM);
const { stageOrders, checkOrders, publishOrders } = proxyActivities<Activities>(WAREHOUSE);
const { removeStaging } = proxyActivities<Activities>(CLEANUP);

export interface EcommerceDailyParams extends IntervalParams {
  /** Sources that may have no rows on this day; any other empty source fails the run. */
  allowEmpty?: SourceName[];
}

export interface EcommerceDailyResult extends SourceSummary, QuarantineSummary, OrdersSummary {
  interval: DataInterval;
  checks: CheckSummary[];
}

/** Daily shop: four sources, one clean order table, checked before anyone can see it. */
export async function ecommerceDaily(params: EcommerceDailyParams = {}): Promise<EcommerceDailyResult> {
  const interval = dataInterval(params);
  const allowEmpty = params.allowEmpty ?? [];

  return withCleanup((outcome) => removeStaging(interval, outcome), async () => {
    const [sales, customers, products, clicks] = await taskGroup('extract', () =>
      Promise.all([
        extractSales(interval, allowEmpty),
        extractCustomers(interval, allowEmpty),
        extractProducts(interval, allowEmpty),
        extractClicks(interval, allowEmpty),
      ]),
    );
    const clean = await cleanAndJoin({ sales, customers, products, clicks }, interval);
    const staged = await stageOrders(clean.orders, interval);
    const checks = await checkOrders(staged, clean.expected, interval);
    const published = await publishOrders(staged, clean.sources, interval);
    return { interval, ...clean.summary, ...published, checks };
  });
}
