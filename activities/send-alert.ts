import { Context } from '@temporalio/activity';
import { renderRunFailed, runFailedMessageId } from '../src/alerts/render-run-failed.js';
import { pipelineOfWorkflow } from '../src/catalog.js';
import type { RunFailure } from '../src/steps/run-failure.js';
import type { Dependencies } from './dependencies.js';

/** Tells the owner of a pipeline by mail that a run has failed. */
export function createSendAlert(deps: Dependencies) {
  return async function sendAlert({ workflowType, workflowId, namespace, ...failure }: RunFailure): Promise<void> {
    const { cancellationSignal: signal, log } = Context.current();
    const pipeline = pipelineOfWorkflow(workflowType);
    const alert = {
      ...failure,
      pipeline: pipeline?.name ?? workflowType,
      owner: pipeline?.owner ?? 'nobody',
      run: workflowId,
      ...(deps.webUi === undefined ? {} : { webUiUrl: webUiUrl(deps.webUi, namespace, workflowId, failure.runId) }),
    };
    const { rejected } = await deps.mailer().send(renderRunFailed(alert), { messageId: runFailedMessageId(alert), signal });
    if (rejected.length > 0) log.warn(`the mail server refused some recipients: ${rejected.join(', ')}`);
  };
}

/** The run's page in Temporal's Web UI. */
function webUiUrl(webUi: string, namespace: string, workflowId: string, runId: string): string {
  return `${webUi}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}/${runId}/history`;
}
