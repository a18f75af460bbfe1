import { readdirSync, readFileSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { SETTING_PREFIX } from './known-connections.js';

/** Where a setting was found. */
export type SettingSource = 'environment' | 'profile' | 'stack';

export interface Setting {
  /** Without the prefix: `LAKE`. */
  name: string;
  /** Holds secrets. */
  uri: string;
  source: SettingSource;
}

export interface Settings {
  found: ReadonlyMap<string, Setting>;
  /** Everywhere that was looked, in order, for messages. */
  places: readonly string[];
  problems: readonly SettingsProblem[];
}

export interface SettingsProblem {
  /** `MILLRACE_CONN_SALES`, `MILLRACE_PROFILE`. */
  setting: string;
  /** What is wrong and what to do; never a value. */
  message: string;
}

export interface SettingsOptions {
  env: Readonly<Record<string, string | undefined>>;
  /** The project's folder: `profiles/`, relative paths and `.millrace/` are found there. */
  root: string;
  /** Instead of `MILLRACE_PROFILE`: a path, or the name of a file in `profiles/`. */
  profileFile?: string;
  /** Instead of `<MILLRACE_HOME>/connections.env`, which a running embedded stack writes. */
  stackFile?: string;
}

/** Collects `MILLRACE_CONN_<NAME>` from the environment, then the profile, then the running stack: the first one that is not empty counts. */
export function readSettings(options: SettingsOptions): Settings {
  const { env, root } = options;
  const found = new Map<string, Setting>();
  const places = ['the environment'];
  const problems: SettingsProblem[] = [];

  const take = (values: Readonly<Record<string, string | undefined>>, source: SettingSource): void => {
    for (const [key, value] of Object.entries(values)) {
      if (!key.startsWith(SETTING_PREFIX)) continue;
      const name = key.slice(SETTING_PREFIX.length);
      const uri = value?.trim() ?? '';
      if (uri === '' || found.has(name)) continue;
      found.set(name, { name, uri, source });
      if (!/^[A-Z][A-Z0-9_]*$/.test(name)) problems.push({ setting: key, message: 'is not a proper name: use capitals, digits and _ after the prefix' });
    }
  };

  take(env, 'environment');
  const wanted = options.profileFile ?? env['MILLRACE_PROFILE']?.trim() ?? '';
  if (wanted === '') {
    places.push('a profile (MILLRACE_PROFILE names none)');
  } else {
    const file = profilePath(wanted, root);
    const profile = readEnvFile(file);
    const shown = shownPath(file, root);
    places.push(`the profile ${shown}${profile === undefined ? ' (which cannot be read)' : ''}`);
    if (profile === undefined) {
      problems.push({ setting: 'MILLRACE_PROFILE', message: `names ${shown}, which cannot be read. ${profilesIn(root)}` });
      // Whoever misspells the profile of production must not get the demonstration's data instead.
      return { found, places, problems };
    }
    if (Object.keys(profile).some((key) => /[^A-Za-z0-9_.]/.test(key))) {
      problems.push({ setting: 'MILLRACE_PROFILE', message: `names ${shown}, which has a line that is not NAME=value` });
    }
    take(profile, 'profile');
  }

  const stackFile = options.stackFile ?? join(millraceHome(env, root), 'connections.env');
  const stack = readEnvFile(stackFile);
  places.push(stack === undefined ? 'the running stack (there is none; npm start starts one)' : `the stack's ${shownPath(stackFile, root)}`);
  take(stack ?? {}, 'stack');
  return { found, places, problems };
}

/** Where a project keeps what it makes at run time: `MILLRACE_HOME`, by default `.millrace/` in its root. */
export function millraceHome(env: Readonly<Record<string, string | undefined>>, root: string): string {
  return resolve(root, env['MILLRACE_HOME']?.trim() || '.millrace');
}

function profilePath(wanted: string, root: string): string {
  const isPath = isAbsolute(wanted) || /[\\/]/.test(wanted) || wanted.endsWith('.env');
  return isPath ? resolve(root, wanted) : join(root, 'profiles', `${wanted}.env`);
}

function readEnvFile(file: string): NodeJS.Dict<string> | undefined {
  try {
    return parseEnv(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}

function profilesIn(root: string): string {
  let names: string[] = [];
  try {
    names = readdirSync(join(root, 'profiles')).filter((name) => name.endsWith('.env'));
  } catch {
    // A project need not have any.
  }
  const list = names.map((name) => name.slice(0, -'.env'.length)).sort();
  return list.length === 0 ? 'There are no profiles in profiles/.' : `There are: ${list.join(', ')}.`;
}

function shownPath(file: string, root: string): string {
  const inside = relative(root, file);
  return inside.startsWith('..') || isAbsolute(inside) ? file : inside.replaceAll('\\', '/');
}
