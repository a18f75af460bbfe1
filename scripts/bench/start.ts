import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { medianOf } from '../../src/median.js';
import { findProjectRoot } from '../../src/project-root.js';
import type { BenchContext } from './bench-context.js';
import { plainFigure, seconds, type Figure } from './figures.js';

const TARGET_S = 30;
const ROUNDS = 3;

/**
 * What a user waits for: `npm start -- --once` from the first key to its end, with packages, build and Temporal server there
 * already and everything else (server, sources, data, warehouse) made anew in a `MILLRACE_HOME` of its own.
 */
export async function benchStart(context: BenchContext): Promise<Figure[]> {
  const times: number[] = [];
  const runs: number[] = [];
  // The first one warms the caches.
  for (let round = 0; round <= (context.quick ? 1 : ROUNDS); round += 1) {
    context.say(round === 0 ? 'start: warming up' : `start: round ${round}`);
    const { ms, runMs } = await startOnce(join(context.folder, `start-${randomUUID()}`));
    if (round === 0) continue;
    times.push(ms / 1000);
    runs.push(runMs);
  }
  return [plainFigure(times, { benchmark: 'start', name: 'npm start -- --once', unit: 's', target: TARGET_S, detail: `of which the run itself ${seconds(medianOf(runs))}` })];
}

async function startOnce(home: string): Promise<{ ms: number; runMs: number }> {
  const started = performance.now();
  const child = spawn('npm', ['start', '--silent', '--', '--once', '--json'], {
    cwd: findProjectRoot(),
    env: { ...process.env, MILLRACE_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit') as Promise<[number | null]>]);
  const ms = performance.now() - started;
  if (code !== 0) throw new Error(`start: npm start ended with exit code ${code}:\n${stderr}`);
  const { state, durationMs } = JSON.parse(stdout) as { state: string; durationMs: number };
  if (state !== 'completed') throw new Error(`start: the run ended as ${state}`);
  await rm(home, { recursive: true, force: true });
  return { ms, runMs: durationMs };
}
