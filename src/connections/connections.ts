import type { z } from 'zod';
import { MillraceError } from '../errors.js';
import { describeConfig, type ConfigByRole, type ConnectionConfig } from './configs.js';
import { roleOf, SETTING_PREFIX, type Role } from './known-connections.js';
import { exampleOf, SCHEMES } from './schemes.js';
import { createRedactor, type Secret } from './secrets.js';
import { readSettings, type Setting, type SettingSource, type Settings, type SettingsOptions, type SettingsProblem } from './settings.js';
import { schemeOf, splitUri, UriProblem, type UriParts } from './uri.js';

export interface Connections {
  /**
   * The configuration behind `MILLRACE_CONN_<name>`. `CONNECTION_MISSING` and `CONNECTION_MALFORMED` name the setting, where it
   * was looked for and an example, never its value.
   */
  get<R extends Role>(name: string, role: R): ConfigByRole[R];
  /** Every setting that was found, in the order of their names. */
  readonly settings: readonly SettingReport[];
  /** Everything that is wrong, together. A connection that is merely missing is no problem until a step asks for it. */
  readonly problems: readonly SettingsProblem[];
  /** Takes the secrets of all these connections out of a text. */
  readonly redact: (text: string) => string;
}

export interface SettingReport {
  /** Without the prefix: `LAKE`. */
  name: string;
  source: SettingSource;
  /** Absent where the setting is malformed. */
  scheme?: ConnectionConfig['scheme'];
  /** For people, without secrets; absent where the setting is malformed. */
  description?: string;
}

type Reading<R extends Role> = { ok: true; config: ConfigByRole[R]; secrets: readonly Secret[] } | { ok: false; problem: string; secrets: readonly Secret[] };

/** Reads, parses and validates every connection once; throws nothing, so that all problems can be told together. */
export function loadConnections(options: SettingsOptions): Connections {
  const settings = readSettings(options);
  const problems = [...settings.problems];
  const reports: SettingReport[] = [];
  const secrets: Secret[] = [];

  for (const setting of [...settings.found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const reading = readForReport(setting, options.root);
    const { name, source } = setting;
    secrets.push(...reading.secrets);
    if (reading.ok) {
      reports.push({ name, source, scheme: reading.config.scheme, description: describeConfig(reading.config) });
    } else {
      reports.push({ name, source });
      problems.push({ setting: `${SETTING_PREFIX}${name}`, message: inFull(reading.problem, source) });
    }
  }

  return {
    get(name, role) {
      const setting = settings.found.get(name);
      if (!setting) throw missing(name, role, settings);
      const reading = readUri(setting.uri, role, options.root);
      if (!reading.ok) throw malformed(setting, role, reading.problem);
      return reading.config;
    },
    settings: reports,
    problems,
    redact: createRedactor(secrets),
  };
}

/** A name of the project's own is read in the first role that knows its scheme. */
function readForReport(setting: Setting, root: string): Reading<Role> {
  const known = roleOf(setting.name);
  if (known !== undefined) return readUri(setting.uri, known, root);
  const scheme = schemeOf(setting.uri);
  const role = (Object.keys(SCHEMES) as Role[]).find((candidate) => scheme !== undefined && Object.hasOwn(SCHEMES[candidate], scheme));
  if (role !== undefined) return readUri(setting.uri, role, root);
  const all = new Set(Object.values(SCHEMES).flatMap((schemes) => Object.keys(schemes)));
  return unreadable(setting.uri, `has no known scheme. Known are: ${[...all].sort().join(', ')}`);
}

function readUri<R extends Role>(uri: string, role: R, root: string): Reading<R> {
  const known = SCHEMES[role];
  const scheme = schemeOf(uri);
  if (scheme === undefined || !Object.hasOwn(known, scheme)) {
    return unreadable(uri, `is no ${inWords(role)}: its scheme is none of ${Object.keys(known).join(', ')}`);
  }
  try {
    const parts = splitUri(uri, root);
    const parsed = known[scheme]!.schema.safeParse(parts);
    const secrets = known[scheme]!.secretsOf?.(parts, uri) ?? passwordOf(parts);
    if (!parsed.success) return { ok: false, problem: parsed.error.issues.map(issueText).join('; '), secrets };
    return { ok: true, config: parsed.data, secrets };
  } catch (error) {
    if (error instanceof UriProblem) return unreadable(uri, error.message);
    throw error;
  }
}

/** Nobody can say which part of it is the secret one. */
function unreadable(uri: string, problem: string): { ok: false; problem: string; secrets: readonly Secret[] } {
  return { ok: false, problem, secrets: [{ secret: uri }] };
}

/** Most schemes have one secret, between the colon and the @. */
function passwordOf({ user, password, writtenPassword }: UriParts): Secret[] {
  if (password === undefined) return [];
  return [{ ...(user === undefined ? {} : { user }), secret: password }, { secret: writtenPassword ?? password }];
}

function issueText(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `has an unknown parameter: ${issue.keys.join(', ')}`;
  const [part, parameter] = issue.path;
  return part === 'query' ? `parameter "${String(parameter)}" ${issue.message}` : issue.message;
}

/** As a sentence. Dotenv files end an unquoted value at a `#`, which nobody sees in the problem itself. */
function inFull(problem: string, source: SettingSource): string {
  const sentence = problem.endsWith('.') ? problem : `${problem}.`;
  return source === 'environment' ? sentence : `${sentence} (In a file, a value that holds a # or spaces stands in double quotes.)`;
}

function missing(name: string, role: Role, { places }: Settings): MillraceError {
  const setting = `${SETTING_PREFIX}${name}`;
  return new MillraceError(
    'CONNECTION_MISSING',
    `${setting} (${inWords(role)}) is not set. Looked in: ${places.join('; ')}. Set it, for example ${setting}=${exampleOf(role)}, and start the worker again.`,
    { details: { setting, role } },
  );
}

function malformed({ name, source }: Setting, role: Role, problem: string): MillraceError {
  const setting = `${SETTING_PREFIX}${name}`;
  return new MillraceError(
    'CONNECTION_MALFORMED',
    `${setting} (from the ${source}) ${inFull(problem, source)} Correct it, for example ${setting}=${exampleOf(role)}, and start the worker again.`,
    { details: { setting, role } },
  );
}

/** `object store` */
function inWords(role: Role): string {
  return role.replace('-', ' ');
}
