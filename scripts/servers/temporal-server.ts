import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, renameSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort, LOOPBACK } from '../../src/stack/ports.js';
import { startDevArguments } from './temporal-flags.js';
import { untilReady, type NamespaceSettings } from './temporal-readiness.js';

export interface TemporalServerOptions {
  /** A `temporal` program, from `obtainTemporal`. */
  executable: string;
  /** Holds `temporal.db` and `logs/temporal.log`. */
  dataDir: string;
  /** Absent: a free one. */
  port?: number;
  uiPort?: number;
  /** Default: 30 days; the dev server's own is one. */
  retentionDays?: number;
  /** Keyword search attributes that runs carry. */
  searchAttributes?: readonly string[];
  /** Default: 60 s. */
  startTimeoutMs?: number;
  log: (line: string) => void;
  /** Called before the server is waited for. */
  onSpawn?: (pid: number) => Promise<void> | void;
}

export interface TemporalServer {
  /** `127.0.0.1:7233` */
  address: string;
  namespace: string;
  uiUrl: string;
  pid: number;
  logFile: string;
  /** Resolves when the process has ended, with how: also when nobody has asked for it. */
  ended: Promise<string>;
  /** SIGTERM, after 10 s SIGKILL; resolves when the process is gone. */
  stop(): Promise<void>;
}

const NAMESPACE = 'default';
const STOP_GRACE_MS = 10_000;

/** Starts Temporal's dev server on a SQLite file. Resolves when it is healthy; rejects with the end of its log when it dies before. */
export async function startTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  const databaseFile = join(options.dataDir, 'temporal.db');
  const logFile = join(options.dataDir, 'logs', 'temporal.log');
  await mkdir(dirname(logFile), { recursive: true, mode: 0o700 });
  await discardUnfinished(databaseFile, options.log);

  const port = options.port ?? (await freePort());
  const uiPort = options.uiPort ?? (await freePort());
  options.log('starting the Temporal dev server with its Web UI (a second or two)');
  const child = launch(options.executable, startDevArguments({ port, uiPort, databaseFile }), logFile);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const killWithUs = (): void => void child.kill('SIGTERM');
  process.once('exit', killWithUs);
  void ended.then(() => process.off('exit', killWithUs));

  const address = `${LOOPBACK}:${port}`;
  const stop = (): Promise<void> => stopChild(child, ended);
  try {
    if (child.pid === undefined) throw new Error(`the Temporal dev server cannot be started: ${await ended}`);
    await options.onSpawn?.(child.pid);
    const settings = { namespace: NAMESPACE, retentionDays: options.retentionDays ?? 30, searchAttributes: options.searchAttributes ?? [] };
    await readyOrDead(address, settings, ended, options.startTimeoutMs ?? 60_000, logFile);
    await writeFile(finishedMark(databaseFile), '');
    return { address, namespace: NAMESPACE, uiUrl: `http://${LOOPBACK}:${uiPort}`, pid: child.pid, logFile, ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** In a process group of its own: Ctrl-C must reach the owner only, who lets the worker end its steps before the server goes. */
function launch(executable: string, args: readonly string[], logFile: string): ChildProcess {
  if (existsSync(logFile)) renameSync(logFile, `${logFile}.1`);
  const log = openSync(logFile, 'w', 0o600);
  try {
    return spawn(executable, args, { detached: true, stdio: ['ignore', log, log], env: serverEnvironment() });
  } finally {
    closeSync(log);
  }
}

/** Neither connections with their secrets nor a user's TEMPORAL_… settings are the server's. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(MILLRACE|TEMPORAL|npm)_/.test(name)));
}

async function readyOrDead(address: string, settings: NamespaceSettings, ended: Promise<string>, timeoutMs: number, logFile: string): Promise<void> {
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(new Error(`is not ready after ${Math.round(timeoutMs / 1000)} s`)), timeoutMs);
  void ended.then((how) => waiting.abort(new Error(`ended while it was starting (${how})`)));
  const aborted = new Promise<never>((_resolve, reject) => {
    waiting.signal.addEventListener('abort', () => reject(waiting.signal.reason as Error));
  });
  try {
    // A call that is under way notices neither.
    await Promise.race([untilReady(address, settings, waiting.signal), aborted]);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`the Temporal dev server ${message}. Its log, ${logFile}, ends with:\n${await tailOf(logFile)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

async function stopChild(child: ChildProcess, ended: Promise<string>): Promise<void> {
  child.kill('SIGTERM');
  const giveUp = new AbortController();
  const late = pause(STOP_GRACE_MS, 'late', { signal: giveUp.signal, ref: false }).catch(() => '');
  if ((await Promise.race([ended, late])) === 'late') child.kill('SIGKILL');
  giveUp.abort();
  await ended;
}

async function tailOf(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-15).map((line) => `  ${line.slice(0, 500)}`).join('\n');
}

function finishedMark(databaseFile: string): string {
  return `${databaseFile}.ready`;
}

/**
 * The server makes its tables only when there is no file. One that was killed while it made them leaves a file without
 * some of them, on which no later start succeeds; it never held a run.
 */
async function discardUnfinished(databaseFile: string, log: (line: string) => void): Promise<void> {
  if (!existsSync(databaseFile) || existsSync(finishedMark(databaseFile))) return;
  log(`${databaseFile} was never finished by the start that made it: it is made anew`);
  for (const suffix of ['', '-wal', '-shm']) await rm(databaseFile + suffix, { force: true });
}
