import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runTool } from './run-tool.mjs';

const stampFile = (root) => join(root, 'node_modules', '.millrace-installed');

/** Binaries are installed for one platform and, some of them, for one ABI of Node. */
function wantedStamp(root) {
  const lock = createHash('sha256').update(readFileSync(join(root, 'package-lock.json'))).digest('hex');
  return `${lock} ${process.platform} ${process.arch} ${process.versions.modules}\n`;
}

/** Are the packages of package-lock.json installed? Written down by us, or, for an `npm ci` by hand, by npm itself. */
export function packagesAreCurrent(root) {
  const stamp = readText(stampFile(root));
  if (stamp === wantedStamp(root)) return true;
  // Written by us for another platform or Node: what npm notes down does not tell that.
  if (stamp !== undefined && stamp.split(' ').slice(1).join(' ') !== wantedStamp(root).split(' ').slice(1).join(' ')) return false;
  if (!matchesNpmsRecord(root)) return false;
  try {
    writeFileSync(stampFile(root), wantedStamp(root));
  } catch {
    // A folder that cannot be written is compared the longer way each time.
  }
  return true;
}

/** npm writes `node_modules/.package-lock.json` at the very end of an installation. */
function matchesNpmsRecord(root) {
  const record = readText(join(root, 'node_modules', '.package-lock.json'));
  if (record === undefined) return false;
  try {
    const installed = JSON.parse(record).packages;
    const wanted = Object.entries(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages);
    return wanted.every(([path, { version, optional, peer }]) => {
      if (path === '') return true;
      if (installed[path] === undefined) return optional === true || peer === true;
      return installed[path].version === version && existsSync(join(root, path));
    });
  } catch {
    return false;
  }
}

export async function installPackages(root, log) {
  const reason = existsSync(join(root, 'node_modules')) ? 'package-lock.json has changed, or the last installation did not end' : 'first start';
  log(`installing packages with npm ci: ${reason} (usually 10-60 seconds)`);
  const [program, ...first] = npmCommand();
  // What a caller told npm (`--silent`, NODE_ENV=production, `--omit`) is not meant for this.
  const args = [...first, 'ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const { ok, excerpt } = await runTool(program, args, { cwd: root, shell: program === 'npm' && process.platform === 'win32' });
  if (!ok) {
    rmSync(stampFile(root), { force: true });
    throw new Error(`npm ci failed:\n${excerpt}\nCheck that the network and npm's registry can be reached, then start again. To see everything: npm ci`);
  }
  writeFileSync(stampFile(root), wantedStamp(root));
}

/** The npm that runs us, which need not be the one on PATH. */
function npmCommand() {
  const running = process.env['npm_execpath'];
  return running !== undefined && basename(running) === 'npm-cli.js' && existsSync(running) ? [process.execPath, running] : ['npm'];
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
