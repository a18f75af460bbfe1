import { createBackfillActivities } from './backfill/index.js';
import type { Dependencies } from './dependencies.js';
import { createEcommerceDailyActivities } from './ecommerce-daily/index.js';
import { createKafkaSignupsActivities } from './kafka-signups/index.js';
import { createPipelineMonitoringActivities } from './pipeline-monitoring/index.js';
import { createS3EtlActivities } from './s3-etl/index.js';
import { createSendAlert } from './send-alert.js';

/** Every activity that a worker offers, over the ports that it is given. */
export function createActivities(deps: Dependencies) {
  return {
    ...createBackfillActivities(deps),
    ...createEcommerceDailyActivities(deps),
    ...createKafkaSignupsActivities(deps),
    ...createPipelineMonitoringActivities(deps),
    ...createS3EtlActivities(deps),
    sendAlert: createSendAlert(deps),
  };
}

export type Activities = ReturnType<typeof createActivities>;
