/** What other applications import in clients and workers: `import { MillracePlugin } from 'millrace'`. */
export { MillracePlugin } from './steps/plugin.js';
export { poolToken } from './steps/pool-leases.js';
export { reportProgress } from './steps/progress.js';
export { SEARCH_ATTRIBUTES } from './steps/search-attributes.js';
export { OPERATOR_UPDATES, STEPS_QUERY, type Operator, type SkipOrder, type StepOrder, type StepsAnswer } from './steps/operator-protocol.js';
export { RUN_OPTIONS_MEMO, type RunOptions } from './steps/run-options.js';
export type { StepEntry, StepState } from './durable/step-table.js';
export { createSendAlert, type AlertDependencies } from '../activities/send-alert.js';
export type { Alert, AlertSink } from './alerts/alert.js';
export { createIncidents } from './alerts/incident.js';
export { createMailAlerts } from './alerts/mail-alerts.js';
export { createMailer } from './alerts/mail.js';
export type { AlertRoute } from './alerts/routing.js';
export { createSlack } from './alerts/slack.js';
export { MillraceError, type ErrorCode } from './errors.js';
