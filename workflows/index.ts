/** What the workflow bundle holds. */
export { ecommerceDaily } from './ecommerce-daily.js';
export { s3Etl } from './s3-etl.js';
export { s3EtlFaultTolerant } from './s3-etl-fault-tolerant.js';
export { s3EtlModular } from './s3-etl-modular.js';
export { kafkaSignups } from './kafka-signups.js';
export { kafkaSignupsStream } from './kafka-signups-stream.js';
export { pipelineMonitoring } from './pipeline-monitoring.js';
export { backfill, backfillPlan } from './backfill.js';
export { deliverAlert } from '../src/steps/deliver-alert.js';
export { missingReferences } from './missing-references.js';
export { pool } from '../src/steps/pool.js';
export { mapPart } from '../src/durable/map-part.js';
