import { existsSync } from 'node:fs';
import { findPrograms } from './find-program.js';
import { cachedProgram, fillCache, programCache } from './program-cache.js';

export interface ObtainOptions {
  /** One line for each thing that is done, with how long it may take. */
  log: (line: string) => void;
  env?: NodeJS.ProcessEnv;
  /** Only look for it: nothing is downloaded or built. */
  lookOnly?: boolean;
}

/** A way to make the program that is not there. */
export interface Maker {
  /** `downloading v1.5.1 from temporal.download (about 45 MB, a minute at most)` */
  what: string;
  /** Leaves the program in `folder` and returns its path. */
  make: (folder: string) => Promise<string>;
}

export interface ProgramSpec {
  /** `Temporal dev server`, for messages. */
  title: string;
  /** File name without suffix. */
  name: string;
  version: string;
  /** Setting that names the program's file and ends all search. */
  setting: string;
  /** Runs it; returns what it is in a few words, and throws an error that says what is wrong with it. */
  inspect(path: string): Promise<string>;
  makers: readonly Maker[];
  /** What a person can do, in one sentence. */
  remedy: string;
}

/** Nothing worked. The message lists what was tried, why each failed, and what to install. */
export class ProgramUnavailable extends Error {
  override readonly name = 'ProgramUnavailable';

  constructor(title: string, failures: readonly string[], remedy: string) {
    super([`${title}: not there, and not to be had:`, ...failures.map((failure) => `  - ${failure}`), remedy].join('\n'));
  }
}

/**
 * The path of the program: what the setting names, else what is on PATH and new enough, else what is in the cache folder,
 * else what the makers, in their order, bring into the cache folder.
 */
export async function obtainProgram(spec: ProgramSpec, { log, env = process.env, lookOnly = false }: ObtainOptions): Promise<string> {
  const set = env[spec.setting];
  if (set) return await inspectSet(spec, set);

  const failures: string[] = [];
  const accept = async (path: string): Promise<boolean> => {
    try {
      log(`${spec.title}: ${path} (${await spec.inspect(path)})`);
      return true;
    } catch (error) {
      failures.push(`${path}: ${messageOf(error)}`);
      return false;
    }
  };

  const found = findPrograms(spec.name, env);
  if (found.length === 0) failures.push(`PATH: there is no ${spec.name}`);
  for (const path of found) if (await accept(path)) return path;

  const cache = programCache(env);
  const target = cachedProgram(cache, spec.name, spec.version);
  if (!existsSync(target)) failures.push(`${target}: is not there`);
  else if (await accept(target)) return target;

  for (const { what, make } of lookOnly ? [] : spec.makers) {
    log(`${spec.title}: ${what}`);
    try {
      return await fillCache(cache, target, make, async (path) => void (await spec.inspect(path)));
    } catch (error) {
      log(`${spec.title}: that failed: ${messageOf(error)}`);
      failures.push(`${what}: ${messageOf(error)}`);
    }
  }
  throw new ProgramUnavailable(spec.title, failures, spec.remedy);
}

/** Whoever names a program wants this one, so that another one is not taken in silence. */
async function inspectSet(spec: ProgramSpec, path: string): Promise<string> {
  try {
    await spec.inspect(path);
    return path;
  } catch (error) {
    throw new ProgramUnavailable(spec.title, [`${spec.setting} names ${path}: ${messageOf(error)}`], `Correct ${spec.setting}, or unset it so that one is looked for.`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
