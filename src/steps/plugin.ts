import { fileURLToPath } from 'node:url';
import type { ClientOptions } from '@temporalio/client';
import { SimplePlugin } from '@temporalio/plugin';
import { stepInterceptor } from './activity-interceptor.js';
import { askForAttributes, startInterceptors } from './client-interceptors.js';
import type { StepOptions } from './step-options.js';

/** The module that runs inside the workflow sandbox; built or source, whichever this file is. */
export const WORKFLOW_INTERCEPTORS = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './workflow-interceptors.ts' : './workflow-interceptors.js', import.meta.url));

/**
 * Everything that Millrace adds to a Temporal application. In a worker: readable step ids and summaries, hold and the operator's
 * orders, reuse of finished steps, the table of steps in the Web UI, alerts, step logs, heartbeats, guarded results, clean errors.
 * In a client: search attributes and run options on every run that it starts.
 *
 * Give it to the worker's `plugins`, to `bundleWorkflowCode` where the workflow bundle is made beforehand, and to the client's
 * `plugins`. Works with workflows and activities that know nothing of it.
 */
export class MillracePlugin extends SimplePlugin {
  constructor(options: Partial<StepOptions> = {}) {
    super({
      name: 'millrace',
      workerInterceptors: { activity: [stepInterceptor({ redact: (text) => text, ...options })], workflowModules: [WORKFLOW_INTERCEPTORS] },
    });
  }

  override configureClient(options: ClientOptions): ClientOptions {
    const { connection } = options;
    if (connection === undefined || !('operatorService' in connection)) return super.configureClient(options);
    const ours = startInterceptors(askForAttributes(connection, options.namespace ?? 'default'));
    const { workflow = [], schedule = [], ...others } = options.interceptors ?? {};
    if (!Array.isArray(workflow)) throw new Error('the client uses the deprecated `interceptors.workflow.calls`; give a list of interceptors instead');
    return super.configureClient({ ...options, interceptors: { ...others, workflow: [...workflow, ...(ours.workflow as [])], schedule: [...schedule, ...(ours.schedule ?? [])] } });
  }
}
