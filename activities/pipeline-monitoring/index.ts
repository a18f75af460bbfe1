import type { Dependencies } from '../dependencies.js';
import { createLookAtPipelines } from './look-at-pipelines.js';
import { createMeasureRuns } from './measure-runs.js';
import { createPublishMetrics } from './publish-metrics.js';
import { createStoreHealth } from './store-health.js';
import { createTellOfHealth } from './tell-of-health.js';

/** The steps of `pipeline-monitoring`. */
export function createPipelineMonitoringActivities(deps: Dependencies) {
  return {
    lookAtPipelines: createLookAtPipelines(deps),
    storeHealth: createStoreHealth(deps),
    measureRuns: createMeasureRuns(deps),
    publishMetrics: createPublishMetrics(deps),
    tellOfHealth: createTellOfHealth(deps),
  };
}
