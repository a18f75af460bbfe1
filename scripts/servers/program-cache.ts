import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** `.exe` where programs need it. */
export const EXECUTABLE_SUFFIX = process.platform === 'win32' ? '.exe' : '';

/** Where programs that Millrace obtained are kept, shared by all checkouts of this user. */
export function programCache(env: NodeJS.ProcessEnv): string {
  return join(cacheHome(env), 'millrace', 'bin');
}

function cacheHome(env: NodeJS.ProcessEnv): string {
  if (env['XDG_CACHE_HOME']) return env['XDG_CACHE_HOME'];
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches');
  if (process.platform === 'win32') return env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local');
  return join(homedir(), '.cache');
}

/** The version is part of the name, so that a checkout that pins another one has its own. */
export function cachedProgram(cache: string, name: string, version: string): string {
  return join(cache, `${name}-${version}${EXECUTABLE_SUFFIX}`);
}

/**
 * Makes a program in a folder of its own and moves it to `target` when it is complete and `check` did not throw,
 * so that whatever is at `target` is whole, also when several do this at once.
 */
export async function fillCache(
  cache: string,
  target: string,
  make: (folder: string) => Promise<string>,
  check: (path: string) => Promise<void>,
): Promise<string> {
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, '.partial-'));
  try {
    const made = await make(folder);
    await chmod(made, 0o755);
    await check(made);
    await rename(made, target);
    return target;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
