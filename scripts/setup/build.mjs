import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from './run-tool.mjs';

/** Folders that tsconfig.build.json includes, and those from which the benchmarks import their servers. */
const SOURCE_FOLDERS = ['workflows', 'activities', 'workers', 'lambda', 'src', 'scripts', join('test', 'servers'), join('test', 'support')];
const SETTINGS = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];

const stampFile = (root) => join(root, 'dist', '.built.json');

/** Is `dist/` the build of the sources as they are? By contents: times change with every checkout. */
export function buildIsCurrent(root) {
  const stamp = readStamp(root);
  return stamp !== undefined && stamp.hash === hashOf(root, sourceFiles(root));
}

export async function build(root, log) {
  const files = sourceFiles(root);
  const hash = hashOf(root, files);
  const before = readStamp(root);
  // What was made from a file that is gone would still be found; without a stamp, the last build did not end.
  const fresh = before === undefined || before.files.some((file) => !files.includes(file));
  log(`building (${fresh ? '5-15' : '2-5'} seconds)`);
  if (fresh) rmSync(join(root, 'dist'), { recursive: true, force: true });
  else rmSync(stampFile(root), { force: true });

  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { ok, excerpt } = await runTool(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--pretty', 'false'], { cwd: root });
  if (!ok) throw new Error(`the build failed:\n${excerpt}\nCorrect what the compiler names, then start again. To see everything: npx tsc -p tsconfig.build.json`);
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stampFile(root), JSON.stringify({ hash, files }));
}

function sourceFiles(root) {
  return SOURCE_FOLDERS.filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true }).map((name) => join(folder, name)))
    .filter((file) => file.endsWith('.ts'))
    .sort((a, b) => (a < b ? -1 : 1));
}

function hashOf(root, files) {
  const hash = createHash('sha256');
  for (const file of [...SETTINGS, ...files]) hash.update(file).update('\0').update(readFileSync(join(root, file))).update('\0');
  return hash.digest('hex');
}

function readStamp(root) {
  try {
    const { hash, files } = JSON.parse(readFileSync(stampFile(root), 'utf8'));
    return typeof hash === 'string' && Array.isArray(files) ? { hash, files } : undefined;
  } catch {
    return undefined;
  }
}
