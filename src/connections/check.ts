import { isMillraceError, type ErrorCode } from '../errors.js';
import type { Connections } from './connections.js';
import { KNOWN_CONNECTIONS, OPTIONAL_CONNECTIONS, roleOf, SETTING_PREFIX, type Role } from './known-connections.js';
import { remedyFor } from './remedies.js';
import type { SettingSource } from './settings.js';

export interface ConnectionRow {
  /** `MILLRACE_CONN_SALES` */
  setting: string;
  /** Absent for a name that no pipeline of this project asks for. */
  role?: Role;
  /** Absent where it is set nowhere. */
  source?: SettingSource;
  /** The address without secrets; absent where the setting is missing or malformed. */
  description?: string;
  ok: boolean;
  message: string;
  /** What to do; absent when all is well. */
  remedy?: string;
}

export interface CheckOptions {
  /** For one check, in milliseconds; default 10 000. */
  timeoutMs?: number;
}

/** The adapter behind each name; builds it, and throws `CONNECTION_*` where it cannot. */
export type Checkable = Readonly<Record<string, () => { check(): Promise<string> }>>;

/** Tries every known connection, optional ones where they are set, and lists the others that are set; all at the same time, in the order of their names. */
export async function checkConnections(connections: Connections, adapters: Checkable, options: CheckOptions = {}): Promise<ConnectionRow[]> {
  const names = new Set([...Object.keys(KNOWN_CONNECTIONS).filter((name) => !OPTIONAL_CONNECTIONS.has(name)), ...connections.settings.map(({ name }) => name)]);
  return Promise.all([...names].sort().map((name) => checkOne(name, connections, adapters, options.timeoutMs ?? 10_000)));
}

async function checkOne(name: string, connections: Connections, adapters: Checkable, timeoutMs: number): Promise<ConnectionRow> {
  const setting = `${SETTING_PREFIX}${name}`;
  const report = connections.settings.find((candidate) => candidate.name === name);
  const role = roleOf(name);
  const row = {
    setting,
    ...(role === undefined ? {} : { role }),
    ...(report === undefined ? {} : { source: report.source }),
    ...(report?.description === undefined ? {} : { description: report.description }),
  };
  const failed = (message: string, code?: ErrorCode): ConnectionRow => ({
    ...row,
    ok: false,
    message: connections.redact(message),
    remedy: remedyFor(code, setting, report),
  });

  const adapter = adapters[name];
  if (adapter === undefined) {
    const problem = connections.problems.find((candidate) => candidate.setting === setting);
    if (problem) return failed(problem.message, 'CONNECTION_MALFORMED');
    return { ...row, ok: true, message: 'well-formed; not tried, because no pipeline of this project asks for it' };
  }
  try {
    return { ...row, ok: true, message: connections.redact(await within(timeoutMs, adapter().check())) };
  } catch (error) {
    if (error instanceof NoAnswer) return failed(error.message, 'SOURCE_UNAVAILABLE');
    return failed(error instanceof Error ? error.message : String(error), isMillraceError(error) ? error.code : undefined);
  }
}

class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new NoAnswer(`no answer within ${milliseconds / 1000} s`)), milliseconds);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
