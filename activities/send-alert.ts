import { Context } from '@temporalio/activity';
import type { Alert } from '../src/alerts/alert.js';
import { logAlert } from '../src/alerts/log.js';
import { MillraceError } from '../src/errors.js';
import type { AlertOrder } from '../src/steps/alert-delivery.js';
import { redactValue } from '../src/steps/step-failures.js';
import type { Dependencies } from './dependencies.js';

/** What alerts need of a worker; channels that it does not offer are `CONNECTION_MISSING`. */
export interface AlertDependencies extends Pick<Dependencies, 'redact' | 'webUi'> {
  alertSinks: Partial<Dependencies['alertSinks']>;
}

/** Tells the owner of a pipeline by one channel what happened in a run. */
export function createSendAlert(deps: AlertDependencies) {
  return async function sendAlert({ channel, namespace, id, run, events }: AlertOrder): Promise<void> {
    const { cancellationSignal: signal, log } = Context.current();
    const alert: Alert = {
      id,
      run: { ...run, ...(deps.webUi === undefined ? {} : { webUiUrl: webUiUrl(deps.webUi, namespace, run.workflowId, run.runId) }) },
      // What operators and pipelines write by hand has passed no step.
      events: redactValue(events, deps.redact),
    };
    if (channel === 'log') return logAlert(alert, log);
    const sink = deps.alertSinks[channel];
    if (sink === undefined) throw new MillraceError('CONNECTION_MISSING', `This worker has no way to send alerts by ${channel}. Give one to createSendAlert, or change the route.`);
    const remark = await sink().deliver(alert, signal);
    if (remark !== undefined) log.warn(remark);
  };
}

/** The run's page in Temporal's Web UI. */
function webUiUrl(webUi: string, namespace: string, workflowId: string, runId: string): string {
  return `${webUi}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}/${runId}/history`;
}
