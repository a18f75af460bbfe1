import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findProjectRoot } from '../../../src/project-root.js';
import type { StoredVersion } from './functions.js';

export interface FunctionError {
  errorType: string;
  errorMessage: string;
  trace?: string[];
}

type Answer = ({ payload: string } | { error: FunctionError }) & {
  /** The most that the process has ever held; absent when it was killed. */
  maxMemoryMb?: number;
};

export type Outcome = Answer & { log: string };

interface RunningInvocation {
  log: string;
  /** The line with which each of the two streams says that it has nothing more. */
  end: string;
  streams: Record<'stdout' | 'stderr', string>;
  /** Called when both have said so: they are two pipes, and may overtake each other and the answer. */
  logged: () => void;
}

/** Of the process that has answered: Lambda keeps it for the next invocation. */
export interface Sandbox {
  invoke(event: string, requestId: string): Promise<Outcome>;
  readonly usable: boolean;
  stop(): Promise<void>;
}

export interface SandboxOptions {
  version: StoredVersion;
  environment: Readonly<Record<string, string>>;
  /** Milliseconds that a start takes longer. */
  coldStartMs: number;
}

const living = new Set<ChildProcess>();
let watching = false;

/** No sandbox outlives the server's process, however that ends. */
function endWithUs(child: ChildProcess): void {
  if (!watching) process.once('exit', () => living.forEach((one) => one.kill('SIGKILL')));
  watching = true;
  living.add(child);
}

/** Starts a process with the function's code; resolves when it takes events. */
export async function startSandbox({ version, environment, coldStartMs }: SandboxOptions): Promise<Sandbox> {
  const { configuration, codeDir } = version;
  const memory = configuration.MemorySize;
  await delay(coldStartMs);
  const child = spawn(process.execPath, [`--max-old-space-size=${Math.floor(memory * 0.9)}`, join(findProjectRoot(), 'test', 'servers', 'lambda', 'runtime.mjs')], {
    env: {
      PATH: process.env['PATH'] ?? '',
      TZ: ':UTC',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      ...environment,
      ...configuration.Environment?.Variables,
      LAMBDA_TASK_ROOT: codeDir,
      _HANDLER: configuration.Handler,
      AWS_LAMBDA_FUNCTION_NAME: configuration.FunctionName,
      AWS_LAMBDA_FUNCTION_VERSION: configuration.Version,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memory),
    },
    cwd: codeDir,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  endWithUs(child);
  const closed = once(child, 'close');
  const exited = once(child, 'exit').then(() => {
    living.delete(child);
    return child.signalCode === null ? `exit status ${child.exitCode}` : `signal: ${child.signalCode}`;
  });
  let current: RunningInvocation | undefined;
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      if (!current) return;
      current.log += text;
      current.streams[stream] += text;
      if (Object.values(current.streams).every((written) => written.includes(current!.end))) current.logged();
    });
  }
  await Promise.race([once(child, 'message'), exited]);
  let usable = child.exitCode === null && child.signalCode === null;

  async function run(event: string, requestId: string): Promise<Answer> {
    const timeoutMs = configuration.Timeout * 1000;
    const timeout = new AbortController();
    const answered = once(child, 'message').then(([answer]) => answer as Answer);
    const crashed = exited.then((status) => ({ error: { errorType: 'Runtime.ExitError', errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: ${status}` } }));
    const late = delay(timeoutMs, undefined, { signal: timeout.signal }).then(
      () => ({ error: { errorType: 'Sandbox.Timedout', errorMessage: `RequestId: ${requestId} Error: Task timed out after ${configuration.Timeout.toFixed(2)} seconds` } }),
      () => new Promise<never>(() => undefined),
    );
    if (usable) child.send({ event, requestId, functionArn: configuration.FunctionArn, deadline: Date.now() + timeoutMs });
    const outcome: Answer = await Promise.race([answered, crashed, late]);
    timeout.abort();
    const isOver = 'error' in outcome && /^(Runtime\.ExitError|Sandbox\.)/.test(outcome.error.errorType);
    if (isOver) {
      usable = false;
      child.kill('SIGKILL');
    }
    return outcome;
  }

  return {
    get usable() {
      return usable;
    },
    async invoke(event, requestId) {
      const started = performance.now();
      let endLog = (): void => undefined;
      const logged = new Promise<void>((resolve) => (endLog = resolve));
      const end = `END RequestId: ${requestId}\n`;
      const invocation = { log: `START RequestId: ${requestId} Version: ${configuration.Version}\n`, end, streams: { stdout: '', stderr: '' }, logged: endLog };
      current = invocation;
      const outcome = await run(event, requestId);
      // Of a process that was killed, what it had written is there when its streams are closed.
      await (usable ? logged : Promise.race([logged, closed]));
      const milliseconds = (performance.now() - started).toFixed(2);
      const log = `${invocation.log.replaceAll(end, '')}${end}REPORT RequestId: ${requestId}\tDuration: ${milliseconds} ms\tMemory Size: ${memory} MB${outcome.maxMemoryMb === undefined ? '' : `\tMax Memory Used: ${outcome.maxMemoryMb} MB`}\n`;
      current = undefined;
      return { ...outcome, log };
    },
    async stop() {
      usable = false;
      child.kill('SIGKILL');
      await exited;
    },
  };
}
