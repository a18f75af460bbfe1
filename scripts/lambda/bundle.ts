import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { build } from 'esbuild';
import { zipSync } from 'fflate';
import { findProjectRoot } from '../../src/project-root.js';

/** The functions of `lambda/`: one folder each, with `handler.ts`. */
export const FUNCTIONS = ['transform', 'arrival'] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

export interface FunctionBundle {
  /** With `index.js`; its handler is `index.handler`. */
  zip: Uint8Array;
  /** Of the zip, in base64: what Lambda calls CodeSha256. */
  codeSha256: string;
}

/** Zip files tell local times; the same sources have to give the same bytes, whenever and wherever they are bundled. */
const SAME_TIME = new Date(2020, 0, 1);
/** A regular file that everybody may read, as Lambda wants it. */
const READABLE = 0o100644 * 0x10000;
const UNIX = 3;

/**
 * One file with everything in it, the AWS SDK too: the one that Lambda's runtime brings changes without being asked. CommonJS, because
 * packages inside `require` modules of Node.
 */
export async function bundleFunction(name: FunctionName): Promise<FunctionBundle> {
  const root = findProjectRoot();
  const { outputFiles } = await build({
    entryPoints: [join(root, 'lambda', name, 'handler.ts')],
    absWorkingDir: root,
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    keepNames: true,
    legalComments: 'none',
    logLevel: 'silent',
  });
  const zip = zipSync({ 'index.js': [outputFiles[0]!.contents, { mtime: SAME_TIME, attrs: READABLE, os: UNIX, level: 9 }] });
  return { zip, codeSha256: createHash('sha256').update(zip).digest('base64') };
}
