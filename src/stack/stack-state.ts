import { tryLock } from './exclusive-lock.js';
import { answers, freePort, isFree } from './ports.js';
import { endProcess, identifyProcess, isRunning, type ProcessRef } from './process-identity.js';
import {
  readPorts,
  readStack,
  removeStack,
  stackFiles,
  writeConnections,
  writePorts,
  writeStack,
  type ProcessRole,
  type StackFiles,
  type StackRecord,
} from './stack-files.js';

export interface TemporalAddress {
  /** `127.0.0.1:7233` */
  address: string;
  namespace: string;
  /** Web UI, without a slash at its end. */
  uiUrl: string;
}

/** An embedded stack that truly lives. */
export interface RunningStack {
  /** Of the process that started it and stops it. */
  pid: number;
  startedAt: Date;
  temporal: TemporalAddress;
  workerPids: readonly number[];
  /** File with its `MILLRACE_CONN_…` lines, with secrets. */
  connectionsFile: string;
}

/** The right to start things in `home`, held until `release` or the end of this process. */
export interface OwnedStack {
  readonly home: string;
  /** The port of this name as last time when it is free, else another free one, which is remembered. Distinct for distinct names. */
  port(name: string): Promise<number>;
  /** To be called right after a process was started, before waiting for it: so that it is found when we are killed. Those that have ended are forgotten. */
  recordProcess(role: ProcessRole, pid: number): Promise<void>;
  /** Makes the connections known to other terminals; the URIs are by name without prefix, and hold secrets. */
  publishConnections(uris: Readonly<Record<string, string>>): Promise<void>;
  /** From now on `runningStack` finds it. */
  publishTemporal(temporal: TemporalAddress): Promise<void>;
  /** After everything was stopped. */
  release(): Promise<void>;
}

export type StackAttempt =
  | { kind: 'owned'; stack: OwnedStack }
  /** `stack` is absent while the other one is still starting. */
  | { kind: 'running'; ownerPid: number; stack?: RunningStack };

const LOCK_NAME = 'lock';

/** The stack of `home` when its owner is alive and its Temporal server answers; stale and corrupt records count for nothing. */
export async function runningStack(home: string): Promise<RunningStack | undefined> {
  const files = stackFiles(home);
  const record = await readStack(files);
  if (record?.temporal === undefined || !(await isRunning(record.owner)) || !(await answers(record.temporal.address))) return undefined;
  return {
    pid: record.owner.pid,
    startedAt: new Date(record.startedAt),
    temporal: record.temporal,
    workerPids: record.processes.filter(({ role }) => role === 'worker').map(({ pid }) => pid),
    connectionsFile: files.connections,
  };
}

/**
 * Makes this process the owner of the stack in `home`, or tells who is. Of several that try at once, one gets it.
 * What a killed owner has left running is stopped before this returns, so that two servers never write to the same database.
 */
export async function acquireStack(home: string, log: (line: string) => void): Promise<StackAttempt> {
  const attempt = await tryLock(home, LOCK_NAME);
  if (attempt.kind === 'held') {
    const stack = await runningStack(home);
    return { kind: 'running', ownerPid: attempt.by.pid, ...(stack && { stack }) };
  }
  try {
    const files = stackFiles(home);
    await endLeftovers(files, log);
    await removeStack(files);
    return { kind: 'owned', stack: await ownStack(home, files, () => attempt.lock.release()) };
  } catch (error) {
    await attempt.lock.release();
    throw error;
  }
}

async function endLeftovers(files: StackFiles, log: (line: string) => void): Promise<void> {
  const record = await readStack(files);
  // The worker goes before the server that it talks to.
  for (const leftover of (record?.processes ?? []).toReversed()) {
    if (await endProcess(leftover)) log(`stopped a ${leftover.role} process that an earlier start has left behind (pid ${leftover.pid})`);
  }
}

async function ownStack(home: string, files: StackFiles, unlock: () => Promise<void>): Promise<OwnedStack> {
  let record: StackRecord = { owner: await knownProcess(process.pid), startedAt: new Date().toISOString(), processes: [] };
  const remembered = await readPorts(files);
  const given = new Map<string, number>();
  // Writes follow each other, so that the last one wins.
  let writing: Promise<void> = Promise.resolve();
  const update = (change: (current: StackRecord) => StackRecord): Promise<void> => {
    record = change(record);
    const snapshot = record;
    writing = writing.catch(() => {}).then(() => writeStack(files, snapshot));
    return writing;
  };
  await update((current) => current);

  return {
    home,
    async port(name) {
      const port = await choosePort(remembered[name], new Set([...given.values(), ...Object.values(remembered)]));
      given.set(name, port);
      remembered[name] = port;
      await writePorts(files, remembered);
      return port;
    },
    async recordProcess(role, pid) {
      const started = await identifyProcess(pid);
      if (started === undefined) return;
      const alive = await Promise.all(record.processes.map(isRunning));
      const ended = record.processes.filter((_other, index) => !alive[index]);
      await update((current) => ({ ...current, processes: [...current.processes.filter((other) => !ended.includes(other)), { ...started, role }] }));
    },
    publishConnections: (uris) => writeConnections(files, uris),
    publishTemporal: (temporal) => update((current) => ({ ...current, temporal })),
    async release() {
      await writing.catch(() => {});
      await removeStack(files);
      await unlock();
    },
  };
}

/** `taken` are ports with another purpose: one of them may be free now and wanted in a moment. */
async function choosePort(wanted: number | undefined, taken: ReadonlySet<number>): Promise<number> {
  if (wanted !== undefined && (await isFree(wanted))) return wanted;
  for (;;) {
    const port = await freePort();
    if (!taken.has(port)) return port;
  }
}

async function knownProcess(pid: number): Promise<ProcessRef> {
  const found = await identifyProcess(pid);
  if (found === undefined) throw new Error(`process ${pid} is not there`);
  return found;
}
