import { spawn, type ChildProcess } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunningCommand {
  process: ChildProcess;
  result: Promise<CommandResult>;
}

/** The `millrace` command as people run it, with exactly these settings and none of this machine's. */
export function startMillrace(args: readonly string[], env: Record<string, string>, cwd?: string): RunningCommand {
  const child = spawn(process.execPath, ['--import', TSX, MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  const closed = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  const result = Promise.all([closed, text(child.stdout), text(child.stderr)]).then(([code, stdout, stderr]) => ({ code, stdout, stderr }));
  return { process: child, result };
}

export function millrace(args: readonly string[], env: Record<string, string>, cwd?: string): Promise<CommandResult> {
  return startMillrace(args, env, cwd).result;
}
