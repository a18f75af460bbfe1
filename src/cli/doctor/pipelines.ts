import { join } from 'node:path';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { workflowBundle } from '../../../workers/bundle.js';
import { CATALOG } from '../../catalog.js';
import { messageOf } from '../cli-error.js';
import { oneLine } from '../output/format.js';
import { fail, ok, type Finding } from './finding.js';

/** Whether every pipeline of the catalog is in the workflows' index, can be imported, and can be bundled for the sandbox. */
export async function checkPipelines(root: string): Promise<Finding[]> {
  let exported: Record<string, unknown>;
  try {
    exported = await import('../../../workflows/index.js');
  } catch (error) {
    const why = reason(error);
    return CATALOG.map(({ name }) => fail(`pipeline ${name}`, `workflows/index.ts does not load: ${why}`, 'correct that file; npm test'));
  }
  const found = CATALOG.map(({ name, workflow }) =>
    typeof exported[workflow] === 'function'
      ? ok(`pipeline ${name}`, `${workflow} loads`)
      : fail(`pipeline ${name}`, `workflows/index.ts exports no function ${workflow}`, `export it there, or correct its name in src/catalog.ts`),
  );
  return [...found, await checkBundle(root)];
}

/** Finds what import does not: modules that the workflow sandbox has not. */
async function checkBundle(root: string): Promise<Finding> {
  const problems: string[] = [];
  const logger = new DefaultLogger('ERROR', ({ message }) => problems.push(message));
  Runtime.install({ logger });
  try {
    await workflowBundle(join(root, 'dist', 'bundles'), logger);
    return ok('workflow bundle', 'builds');
  } catch (error) {
    return fail('workflow bundle', [reason(error), ...problems.map(oneLine)].join(' '), 'workflows may import only what docs say the sandbox has');
  }
}

function reason(error: unknown): string {
  return oneLine(messageOf(error)).slice(0, 300);
}
