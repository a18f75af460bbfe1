import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findPrograms } from './find-program.js';
import { ProgramUnavailable, type ObtainOptions } from './obtain-program.js';
import { programCache } from './program-cache.js';
import { runProgram } from './run-program.js';
import { isAtLeast, MOTO } from './versions.js';

const TITLE = 'CloudWatch server';
const REMEDY = `Install Python ${MOTO.python} or newer with its venv module (Debian: python3-venv), or set MILLRACE_MOTO to a Python that has ${MOTO.packages.join(', ')}.`;
const INSTALL_TIMEOUT_MS = 5 * 60_000;

/**
 * A Python that can run `-m moto.server`: what MILLRACE_MOTO names, else that of the environment in the cache folder, which is made by
 * venv and pip (140 MB). Throws `ProgramUnavailable` where there is no way to it.
 */
export async function obtainMoto({ log, env = process.env, lookOnly = false }: ObtainOptions): Promise<string> {
  const set = env['MILLRACE_MOTO'];
  if (set) return await inspect(set);
  const folder = join(programCache(env), `moto-${MOTO.version}`);
  const python = pythonIn(folder);
  if (existsSync(python)) return await inspect(python);
  const failures = [`${folder}: is not there`];
  const base = lookOnly ? undefined : await findPython(env, failures);
  if (base === undefined) throw new ProgramUnavailable(TITLE, failures, REMEDY);
  log(`${TITLE}: installing moto ${MOTO.version} by pip into an environment of its own (140 MB, a minute at most, once)`);
  try {
    await install(base, folder);
    return await inspect(python);
  } catch (error) {
    if (error instanceof ProgramUnavailable) throw error;
    throw new ProgramUnavailable(TITLE, [...failures, `pip: ${messageOf(error)}`], REMEDY);
  }
}

async function findPython(env: NodeJS.ProcessEnv, failures: string[]): Promise<string | undefined> {
  const found = ['python3', 'python'].flatMap((name) => findPrograms(name, env));
  if (found.length === 0) failures.push('PATH: there is no python3');
  for (const python of found) {
    try {
      const version = /Python (\S+)/.exec(await runProgram(python, ['--version'], { timeoutMs: 30_000 }))?.[1] ?? '0';
      if (!isAtLeast(version, MOTO.python)) throw new Error(`is version ${version}, and ${MOTO.python} is needed`);
      // Debian keeps what venv needs in a package of its own.
      await runProgram(python, ['-c', 'import ensurepip, venv'], { timeoutMs: 30_000 });
      return python;
    } catch (error) {
      failures.push(`${python}: ${messageOf(error)}`);
    }
  }
  return undefined;
}

/** In a folder of its own first, so that whatever is at `folder` is whole, also when several do this at once. */
async function install(python: string, folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const partial = await mkdtemp(join(dirname(folder), '.partial-'));
  try {
    await runProgram(python, ['-m', 'venv', partial], { timeoutMs: INSTALL_TIMEOUT_MS });
    await runProgram(pythonIn(partial), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...MOTO.packages], { timeoutMs: INSTALL_TIMEOUT_MS });
    await rename(partial, folder).catch((error: unknown) => {
      // Somebody else was faster.
      if (!existsSync(pythonIn(folder))) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function inspect(python: string): Promise<string> {
  try {
    await runProgram(python, ['-c', 'import flask, flask_cors, moto'], { timeoutMs: 60_000 });
    return python;
  } catch (error) {
    throw new ProgramUnavailable(TITLE, [`${python}: ${messageOf(error)}`], REMEDY);
  }
}

function pythonIn(folder: string): string {
  return process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
