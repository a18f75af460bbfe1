import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Small semi-spaces keep the garbage of streamed rows from adding to the worker's memory. V8 must not take its first impression of rows,
 * that they live long, for a reason to make all later ones among its old objects: in some processes it did, and they took a fifth more
 * processor time and memory for the same messages of Kafka (seen with Node 20).
 */
export const WORKER_FLAGS = ['--max-semi-space-size=8', '--no-allocation-site-pretenuring'] as const;

/** A worker that has never polled after this long will not. */
const READY_TIMEOUT_MS = 60_000;
/** Longer than the worker's own grace for running steps. */
const STOP_TIMEOUT_MS = 15_000;
const RESTART_DELAY_MS = 1000;
const RESTART_MOST_MS = 15_000;

export interface WorkerProcessOptions {
  entry: string;
  environment: NodeJS.ProcessEnv;
  /** Node's own options, such as a loader of TypeScript. */
  execArgv?: readonly string[];
  logFile: string;
  /** Called with the pid of every worker, before it is waited for. */
  onStart: (pid: number) => Promise<void>;
  /** Told of a worker that died, and what became of it. */
  onRestart: (line: string) => void;
}

export interface WorkerProcess {
  /** Of the process that runs now, or that ran last. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/** Starts a worker process, resolves when it polls, and starts another one whenever it dies before `stop`. */
export async function startWorkerProcess(options: WorkerProcessOptions): Promise<WorkerProcess> {
  const stopped = new AbortController();
  let current = await launch(options);

  /** Until one polls: what keeps it from that, such as a Temporal server that is down, may pass. */
  const startAnother = async (): Promise<ChildProcess | undefined> => {
    for (let wait = RESTART_DELAY_MS; ; wait = Math.min(wait * 2, RESTART_MOST_MS)) {
      await delay(wait, undefined, { signal: stopped.signal }).catch(() => undefined);
      if (stopped.signal.aborted) return undefined;
      try {
        return await launch(options);
      } catch (error) {
        options.onRestart(`the worker ended and no other could be started yet: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };

  const supervise = async (): Promise<void> => {
    for (;;) {
      const [code, signal] = (await ended(current)) as [number | null, NodeJS.Signals | null];
      const another = await startAnother();
      if (another === undefined) return;
      current = another;
      // Whoever stops us while a worker starts does not know it yet.
      if (stopped.signal.aborted) end(current);
      else options.onRestart(`the worker ended (${signal ?? `exit code ${code}`}); another one has taken its place, running steps go on there`);
    }
  };
  const supervision = supervise();

  return {
    get pid() {
      return current.pid;
    },
    async stop() {
      stopped.abort();
      end(current);
      await supervision;
    },
  };
}

/** Asks it to end, and ends it by force when it does not. */
function end(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  if (child.connected) child.disconnect();
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  child.once('exit', () => clearTimeout(killer));
}

async function launch({ entry, environment, execArgv = [], logFile, onStart }: WorkerProcessOptions): Promise<ChildProcess> {
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, [...execArgv, ...WORKER_FLAGS, entry], { env: environment, stdio: ['ignore', log, log, 'ipc'] });
  closeSync(log);
  if (child.pid !== undefined) await onStart(child.pid);
  const timeout = AbortSignal.timeout(READY_TIMEOUT_MS);
  const outcome = await Promise.race([
    once(child, 'message', { signal: timeout }).then(() => 'ready' as const),
    once(child, 'exit').then(() => 'ended' as const),
  ]).catch(() => 'silent' as const);
  if (outcome === 'ready') return child;
  child.kill('SIGKILL');
  throw new Error(`the worker ${outcome === 'ended' ? 'ended at once' : `did not start polling within ${READY_TIMEOUT_MS / 1000} s`}; its log is ${logFile}`);
}

function ended(child: ChildProcess): Promise<unknown[]> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve([child.exitCode, child.signalCode]);
  return once(child, 'exit');
}
