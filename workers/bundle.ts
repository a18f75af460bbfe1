import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type Logger, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { MillracePlugin } from '../src/steps/plugin.js';

/** Folders whose code runs in the workflow sandbox, or is imported from there. */
const BUNDLED = ['workflows', 'src'];
const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const CODE_ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * The workflow bundle of this build. Bundling takes seconds, so the last one is kept in `cacheFolder` under the hash of the
 * code it was made from; a folder that cannot be written only costs those seconds.
 */
export async function workflowBundle(cacheFolder: string, logger?: Logger): Promise<WorkflowBundleWithSourceMap> {
  const file = join(cacheFolder, `workflows-${await codeFingerprint()}.js`);
  const cached = await readFile(file, 'utf8').catch(() => undefined);
  if (cached !== undefined) return { code: cached, sourceMap: '' };

  const bundle = await bundleWorkflowCode({
    workflowsPath: join(CODE_ROOT, 'workflows', `index${EXTENSION}`),
    plugins: [new MillracePlugin({ redact: (text) => text })],
    ...(logger === undefined ? {} : { logger }),
  });
  await keep(file, bundle.code).catch((error: unknown) => logger?.debug('the workflow bundle was not cached', { error: String(error) }));
  return bundle;
}

async function keep(file: string, code: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const partial = `${file}.${process.pid}`;
  await writeFile(partial, code);
  await rename(partial, file);
}

async function codeFingerprint(): Promise<string> {
  const require = createRequire(import.meta.url);
  const hash = createHash('sha256').update((require('@temporalio/workflow/package.json') as { version: string }).version);
  for (const folder of BUNDLED) {
    const names = await readdir(join(CODE_ROOT, folder), { recursive: true });
    for (const name of names.filter((candidate) => candidate.endsWith(EXTENSION)).toSorted()) {
      hash.update(name).update(await readFile(join(CODE_ROOT, folder, name)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}
