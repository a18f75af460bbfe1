import { Context } from '@temporalio/activity';
import type { Alert } from '../src/alerts/alert.js';
import { logAlert } from '../src/alerts/log.js';
import type { AlertOrder } from '../src/steps/alert-delivery.js';
import { redactValue } from '../src/steps/step-failures.js';
import type { Dependencies } from './dependencies.js';

/** Tells the owner of a pipeline by one channel what happened in a run. */
export function createSendAlert(deps: Pick<Dependencies, 'alertSinks' | 'redact' | 'webUi'>) {
  return async function sendAlert({ channel, namespace, id, run, events }: AlertOrder): Promise<void> {
    const { cancellationSignal: signal, log } = Context.current();
    const alert: Alert = {
      id,
      run: { ...run, ...(deps.webUi === undefined ? {} : { webUiUrl: webUiUrl(deps.webUi, namespace, run.workflowId, run.runId) }) },
      // What operators and pipelines write by hand has passed no step.
      events: redactValue(events, deps.redact),
    };
    if (channel === 'log') return logAlert(alert, log);
    const remark = await deps.alertSinks[channel]().deliver(alert, signal);
    if (remark !== undefined) log.warn(remark);
  };
}

/** The run's page in Temporal's Web UI. */
function webUiUrl(webUi: string, namespace: string, workflowId: string, runId: string): string {
  return `${webUi}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}/${runId}/history`;
}
