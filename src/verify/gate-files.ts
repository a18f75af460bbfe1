import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where in a step its worker is killed: before it does anything, within, or after it has done everything and before Temporal is told. */
export type KillPlace = 'start' | 'middle' | 'end';
export const KILL_PLACES = ['start', 'middle', 'end'] as const satisfies readonly KillPlace[];

/** What a kill has left behind. Milliseconds since the epoch, by this machine's clock. */
export interface KillMark {
  at: number;
  /** Of the attempt that was killed, from 1. */
  attempt: number;
}

/** Begin of one attempt of a step. */
export interface AttemptMark extends KillMark {
  step: string;
}

/**
 * The files by which `gatedSteps` is told what to do and says what it has done, all in one folder. They outlive the killed
 * worker, and each is written by one process at a time.
 */
export const gateFiles = {
  hold: (workflowId: string, step: string) => fileName('hold', workflowId, step),
  held: (workflowId: string, step: string) => fileName('held', workflowId, step),
  kill: (workflowId: string, step: string, place: KillPlace) => fileName('kill', workflowId, `${step}.${place}`),
  killed: (workflowId: string, step: string, place: KillPlace) => fileName('killed', workflowId, `${step}.${place}`),
  attempts: (workflowId: string) => fileName('attempts', workflowId),
};

/** Ids may hold what file names may not. */
function fileName(kind: string, ...parts: string[]): string {
  return [kind, ...parts.map(encodeURIComponent)].join('-');
}

/** Arms a kill; `middle` comes `afterMs` after the step has begun. */
export async function armKill(folder: string, workflowId: string, kill: { step: string; place: KillPlace; afterMs: number }): Promise<void> {
  await writeFile(join(folder, gateFiles.kill(workflowId, kill.step, kill.place)), String(kill.afterMs));
}

/** `undefined` where the kill has not happened. */
export async function readKill(folder: string, workflowId: string, step: string, place: KillPlace): Promise<KillMark | undefined> {
  const name = gateFiles.killed(workflowId, step, place);
  if (!(await readdir(folder)).includes(name)) return undefined;
  return JSON.parse(await readFile(join(folder, name), 'utf8')) as KillMark;
}

/** Every attempt of every step of a run, in the order in which they began. */
export async function readAttempts(folder: string, workflowId: string): Promise<AttemptMark[]> {
  const lines = await readFile(join(folder, gateFiles.attempts(workflowId)), 'utf8').catch(() => '');
  return lines.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as AttemptMark]));
}

/** Content of an armed kill; `undefined` where there is none. Synchronous, as everything of a process that is about to die. */
export function armedKill(folder: string, name: string): number | undefined {
  const file = join(folder, name);
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
}

/** Writes a file that must not be there yet; whether it did. */
export function markOnce(folder: string, name: string, content: string): boolean {
  let file: number;
  try {
    file = openSync(join(folder, name), 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  writeSync(file, content);
  closeSync(file);
  return true;
}
