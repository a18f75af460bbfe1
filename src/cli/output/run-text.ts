import type { RunView, StepState, StepView } from '../../runs/run-view.js';
import { runName } from '../../runs/run-view.js';
import { formatDuration, formatTime, oneLine } from './format.js';
import { nextSteps } from './next-steps.js';
import { paintState } from './paint-state.js';
import { groupCount, stepTable } from './step-rows.js';
import type { Colors, Screen } from './screen.js';

/** Blank line and head of the table, the line that counts the rest, the one for the cursor. */
const TABLE_LINES = 4;
/** However low a terminal is, what needs somebody is shown. */
const FEWEST_STEPS = 3;

/** A whole run for people. `height` is that of a terminal that shows no more: what is going on is shown before what is over. */
export function renderRun(run: RunView, screen: Screen, options: { webUi?: string | undefined; height?: number } = {}): string {
  const { colors } = screen;
  const facts: [string, string][] = [
    ['Run', runName(run)],
    ...(run.interval === undefined ? [] : [['Interval', `${run.interval.start} to ${run.interval.end}`] as [string, string]]),
    ...(run.rerunOf === undefined ? [] : [['Re-runs', runName(run.rerunOf)] as [string, string]]),
    ['Started', formatTime(run.startedAt)],
    ...(options.webUi === undefined ? [] : [['Web UI', options.webUi] as [string, string]]),
  ];
  const above = [runTitle(run, colors), ...facts.map(([name, value]) => `${name.padEnd(10)}${value}`)];
  const below = [...nextSteps(run, colors), ...resultLines(run)];
  const room = options.height === undefined ? Infinity : options.height - linesOn(screen, [...above, ...below]) - TABLE_LINES - groupCount(run.steps);
  const shown = visibleSteps(run.steps, Math.max(FEWEST_STEPS, room));
  return [
    ...above,
    ...(shown.size === 0 ? [] : ['', stepTable(run, shown, screen)]),
    ...(shown.size === run.steps.length ? [] : [colors.dim(`and ${otherSteps(run.steps, shown)}`)]),
    ...below,
  ].join('\n');
}

export function runTitle(run: RunView, colors: Colors): string {
  const what = [run.pipeline, run.interval?.label].filter((part) => part !== undefined).join(' ');
  const state = run.standstill ?? run.state;
  const words = run.cancelRequested === true ? 'cancelling' : state.replaceAll('-', ' ');
  return `${colors.bold(what)}  ${paintState(colors, state)(words)} ${run.endedAt === undefined ? 'for' : 'after'} ${formatDuration(run.durationMs)}`;
}

const BY_URGENCY: readonly StepState[] = ['failed', 'held', 'retrying', 'running', 'cancelled', 'waiting', 'skipped', 'succeeded', 'reused'];

function visibleSteps(steps: readonly StepView[], most: number): ReadonlySet<StepView> {
  if (steps.length <= most) return new Set(steps);
  return new Set(steps.toSorted((a, b) => BY_URGENCY.indexOf(a.state) - BY_URGENCY.indexOf(b.state)).slice(0, most));
}

function otherSteps(all: readonly StepView[], shown: ReadonlySet<StepView>): string {
  const counts = new Map<StepState, number>();
  for (const { state } of all.filter((step) => !shown.has(step))) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
}

/** Lines that a terminal needs for these: it breaks those that are wider than itself. */
function linesOn({ width = Infinity }: Screen, lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / width)), 0);
}

/** The plain values of the result; tables and lists are for --json. */
function resultLines({ result }: RunView): string[] {
  if (typeof result !== 'object' || result === null) return [];
  const plain = Object.entries(result).flatMap(([name, value]) => {
    if (['string', 'number', 'boolean'].includes(typeof value)) return [`${name} ${String(value)}`];
    return isCounts(value) ? [`${name} ${Object.entries(value).map(([key, count]) => `${key} ${count}`).join(', ') || 'none'}`] : [];
  });
  return plain.length === 0 ? [] : ['', ...plain.map((line) => `Result    ${oneLine(line)}`)];
}

function isCounts(value: unknown): value is Record<string, number> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every((count) => typeof count === 'number');
}
