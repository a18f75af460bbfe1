import type { Alert, AlertedRun, AlertEvent } from '../alerts/alert.js';
import { areRoutes, channelsFor, type AlertChannel, type AlertRoute } from '../alerts/routing.js';
import { findPipeline, pipelineOfWorkflow } from '../catalog.js';
import type { BackfillRequest } from '../durable/backfill.js';
import { pipelineName } from '../durable/pipeline-name.js';
import { RUN_OPTIONS_MEMO, type RunOptions } from './run-options.js';

/** What `deliverAlert` is started with. Small: messages are shortened, and hold no secrets. */
export interface AlertDelivery {
  namespace: string;
  run: Omit<AlertedRun, 'webUiUrl'>;
  routes: readonly AlertRoute[];
  events: readonly AlertEvent[];
}

/** One message for one channel. */
export interface AlertOrder extends Alert {
  channel: AlertChannel;
  namespace: string;
}

/** Name of the signal with which a run hands over what else happens while an alert of it is on its way. */
export const MORE_EVENTS = 'millrace.moreEvents';

/** Type of the workflow that delivers alerts: no step of the run, although it is a child of it. */
export const ALERT_WORKFLOW = 'deliverAlert';

/** Who is told of a run: as its options say, else as the catalog does. Nobody of a workflow that neither knows. */
export function routesOf(workflowType: string, memo: Readonly<Record<string, unknown>> | undefined): readonly AlertRoute[] {
  const given = (memo?.[RUN_OPTIONS_MEMO] as RunOptions | null | undefined)?.alerts;
  return areRoutes(given) ? given : (pipelineOfWorkflow(workflowType)?.alerts.routes ?? []);
}

export function isTold(event: AlertEvent, routes: readonly AlertRoute[]): boolean {
  return channelsFor(event, routes).length > 0;
}

/** What a pipeline is called, and by whom it is owned, in alerts. */
export function pipelineFacts(workflowType: string): Pick<AlertedRun, 'pipeline' | 'owner' | 'continuous'> {
  const pipeline = pipelineOfWorkflow(workflowType);
  return { pipeline: pipeline?.name ?? pipelineName(workflowType), owner: pipeline?.owner ?? 'nobody', ...(pipeline?.continuous === true ? { continuous: true } : {}) };
}

/** A backfill is told to the people of its pipeline, once, instead of each of its runs that fails. */
export function backfilled(workflowType: string, args: readonly unknown[]): { workflowType: string; interval: { label: string } } | undefined {
  if (workflowType !== 'backfill') return undefined;
  const request = args[0] as BackfillRequest | undefined;
  const workflow = findPipeline(request?.pipeline ?? '')?.workflow;
  return workflow === undefined ? undefined : { workflowType: workflow, interval: { label: `backfill ${request?.from} to ${request?.to}` } };
}
