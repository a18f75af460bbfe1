/** What other applications import in workflow code: `import { taskGroup } from 'millrace/workflow'`. Sandbox-safe. */
export { approval, type Approval, type ApprovalRequest } from './durable/approval.js';
export { dataInterval, type DataInterval, type IntervalParams } from './durable/data-interval.js';
export { notTaken } from './durable/not-taken.js';
export { onFailure } from './durable/on-failure.js';
export { withPool } from './durable/pool.js';
export { emitRunEvent, type RunEvent } from './durable/run-events.js';
export { taskGroup } from './durable/step-scope.js';
export { withCleanup, type Outcome } from './durable/with-cleanup.js';
export { withDeadline, type Deadline } from './durable/with-deadline.js';
/** To be exported from the bundle of an application whose runs tell people. */
export { deliverAlert } from './steps/deliver-alert.js';
/** To be exported from the bundle of an application whose steps take slots of pools. */
export { pool } from './steps/pool.js';
