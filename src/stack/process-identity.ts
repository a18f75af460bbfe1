import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = promisify(execFile);

/** One process, told apart from a later one that was given the same pid. */
export const processRefSchema = z.object({
  pid: z.number().int().positive(),
  /** When it was started, in the operating system's own notation; only good for comparing. */
  started: z.string().min(1),
  /** Its command line, with what the operating system shows to everybody. */
  command: z.string(),
});

export type ProcessRef = z.infer<typeof processRefSchema>;

const POLL_MS = 50;

/** What runs under this pid now; `undefined` when nothing does (a zombie is nothing). */
export async function identifyProcess(pid: number): Promise<ProcessRef | undefined> {
  if (process.platform === 'linux') return await fromProc(pid);
  if (process.platform === 'win32') return isAlive(pid) ? { pid, started: 'unknown', command: '' } : undefined;
  return await fromPs(pid);
}

/** Does the very process that was recorded still run? Its command line may have changed (`process.title`). */
export async function isRunning(ref: ProcessRef): Promise<boolean> {
  return (await identifyProcess(ref.pid))?.started === ref.started;
}

/**
 * Ends the recorded process and waits until it is gone: SIGTERM, after `graceMs` SIGKILL.
 * A process that has only inherited its pid, or runs another command by now, is left alone. Returns whether there was something to end.
 */
export async function endProcess(ref: ProcessRef, graceMs = 10_000): Promise<boolean> {
  const found = await identifyProcess(ref.pid);
  if (found?.started !== ref.started || found.command !== ref.command) return false;
  signal(ref.pid, 'SIGTERM');
  if (await goneWithin(ref, graceMs)) return true;
  signal(ref.pid, 'SIGKILL');
  if (!(await goneWithin(ref, 10_000))) throw new Error(`process ${ref.pid} does not end, not even by SIGKILL: ${ref.command}`);
  return true;
}

async function goneWithin(ref: ProcessRef, ms: number): Promise<boolean> {
  const deadline = Date.now() + ms;
  while (await isRunning(ref)) {
    if (Date.now() > deadline) return false;
    await pause(POLL_MS);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** proc(5): field 3 of `stat` is the state, field 22 the start in clock ticks since boot; field 2 may hold spaces and brackets. */
async function fromProc(pid: number): Promise<ProcessRef | undefined> {
  try {
    const [stat, command, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'this boot'),
    ]);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, ticks] = [fields[0], fields[19]];
    if (state === undefined || ticks === undefined || 'ZXx'.includes(state)) return undefined;
    return { pid, started: `${boot.trim()} ${ticks}`, command: command.replaceAll('\0', ' ').trim() };
  } catch {
    return undefined;
  }
}

async function fromPs(pid: number): Promise<ProcessRef | undefined> {
  try {
    const { stdout } = await run('ps', ['-ww', '-o', 'stat=', '-o', 'lstart=', '-o', 'command=', '-p', String(pid)], { env: { ...process.env, LC_ALL: 'C' } });
    // `S+  Thu Nov 21 04:08:00 2026 node …`
    const [, state, started, command] = /^(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/s.exec(stdout.trim()) ?? [];
    if (state === undefined || started === undefined || state.startsWith('Z')) return undefined;
    return { pid, started, command: command ?? '' };
  } catch {
    return undefined;
  }
}
