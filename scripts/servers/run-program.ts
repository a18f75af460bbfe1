import { spawn } from 'node:child_process';

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  timeoutMs: number;
}

/** Runs a program to its end and returns what it printed. Fails with the last lines of its output. */
export async function runProgram(program: string, args: readonly string[], { cwd, env, timeoutMs }: RunOptions): Promise<string> {
  const child = spawn(program, args, { cwd, env: env ?? process.env, timeout: timeoutMs, killSignal: 'SIGKILL', stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-64_000)));

  return await new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      reject(new Error(error.code === 'ENOENT' ? `there is no program ${program}` : `${program} cannot be run: ${error.message}`));
    });
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output);
      else if (child.killed) reject(new Error(`no end after ${Math.round(timeoutMs / 1000)} s`));
      else reject(new Error(lastLines(output) || `ended with ${signal ?? `exit code ${code}`} and printed nothing`));
    });
  });
}

/** The last three lines that say something, as one. */
export function lastLines(output: string): string {
  return output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(-3)
    .join(' / ');
}
