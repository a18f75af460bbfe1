import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, buildIsCurrent } from './build.mjs';
import { installPackages, packagesAreCurrent } from './packages.mjs';
import { withLock } from './lock.mjs';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Installs packages and builds, where that is needed; of several at once in one checkout, one does it and the others wait. */
export async function prepare(root = ROOT, log = (line) => process.stderr.write(`millrace: ${line}\n`)) {
  if (packagesAreCurrent(root) && buildIsCurrent(root)) return;
  await withLock(join(root, '.millrace', 'prepare.lock'), log, async () => {
    // Who held the lock before us has probably done it.
    if (!packagesAreCurrent(root)) await installPackages(root, log);
    if (!buildIsCurrent(root)) await build(root, log);
  });
}
