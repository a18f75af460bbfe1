import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type BundlerPlugin, type Logger, type WorkflowBundleWithSourceMap } from '@temporalio/worker';

/** The workflows of one file of this folder, with the given plugins, as `workers/bundle.ts` bundles those of the pipelines. */
export async function benchBundle(name: string, plugins: BundlerPlugin[], logger: Logger): Promise<WorkflowBundleWithSourceMap> {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL(`./${name}${extension}`, import.meta.url)), plugins, logger });
}
