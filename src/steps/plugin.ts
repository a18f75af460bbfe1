import { fileURLToPath } from 'node:url';
import { SimplePlugin } from '@temporalio/plugin';
import { stepInterceptor, type StepOptions } from './activity-interceptor.js';

/** The module that runs inside the workflow sandbox; built or source, whichever this file is. */
export const WORKFLOW_INTERCEPTORS = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './workflow-interceptors.ts' : './workflow-interceptors.js', import.meta.url));

/**
 * Everything that Millrace adds to a Temporal application: readable step ids and summaries, alerts for failed runs, step logs,
 * heartbeats, guarded results, clean errors. Give it to the worker's `plugins`, and to `bundleWorkflowCode` where the workflow
 * bundle is made beforehand.
 */
export class MillracePlugin extends SimplePlugin {
  constructor(options: StepOptions) {
    super({
      name: 'millrace',
      workerInterceptors: { activity: [stepInterceptor(options)], workflowModules: [WORKFLOW_INTERCEPTORS] },
    });
  }
}
