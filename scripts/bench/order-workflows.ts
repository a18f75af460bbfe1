import { proxyActivities } from '@temporalio/workflow';
import type { OrderSources } from '../../activities/ecommerce-daily/clean-and-join.js';
import type { Activities } from '../../activities/index.js';
import type { OrdersSummary } from '../../activities/ecommerce-daily/publish-orders.js';
import { dataInterval } from '../../src/durable/data-interval.js';
import { withCleanup } from '../../src/durable/with-cleanup.js';
import { CLEANUP, TRANSFORM, WAREHOUSE } from '../../workflows/policies.js';

const { cleanAndJoin } = proxyActivities<Activities>(TRANSFORM);
const { stageOrders, checkOrders, publishOrders } = proxyActivities<Activities>(WAREHOUSE);
const { removeStaging } = proxyActivities<Activities>(CLEANUP);

/** `ecommerceDaily` after its extract steps: from raw datasets that are there already to the published tables. */
export async function publishRawOrders(sources: OrderSources, date: string): Promise<OrdersSummary> {
  const interval = dataInterval({ date });
  return withCleanup((outcome) => removeStaging(interval, outcome), async () => {
    const clean = await cleanAndJoin(sources, interval);
    const staged = await stageOrders(clean.orders, interval);
    await checkOrders(staged, clean.expected, interval);
    return publishOrders(staged, clean.sources, interval);
  });
}
