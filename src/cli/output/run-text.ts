import type { RunView, StepState, StepView, RunState } from '../../runs/run-view.js';
import { runName } from '../../runs/run-view.js';
import { formatDuration, formatTime, oneLine } from './format.js';
import type { Colors, Screen } from './screen.js';
import type { TableCell, TableColumn } from './table.js';

/** A worker that lives takes a task within moments. */
const WORKER_IS_LATE_MS = 10_000;

const STEP_COLUMNS: readonly TableColumn[] = [
  { head: 'STEP', shrinksTo: 16 },
  { head: 'STATE' },
  { head: 'TRIES', align: 'right' },
  { head: 'TIME', align: 'right' },
  { head: 'ROWS', align: 'right' },
  { head: 'NOTE', shrinksTo: 8 },
];

/** The colour of a state, of runs and steps alike. */
export function paintState(colors: Colors, state: RunState | StepState): (text: string) => string {
  if (state === 'succeeded' || state === 'completed') return colors.green;
  if (state === 'failed' || state === 'timed-out' || state === 'terminated') return colors.red;
  if (state === 'retrying' || state === 'held' || state === 'cancelled') return colors.yellow;
  return state === 'running' ? colors.cyan : colors.dim;
}

/** A whole run for people. `mostSteps` limits the table to the terminal: what is going on is shown before what is over. */
export function renderRun(run: RunView, screen: Screen, options: { webUi?: string | undefined; mostSteps?: number } = {}): string {
  const { colors } = screen;
  const facts: [string, string][] = [
    ['Run', runName(run)],
    ...(run.interval === undefined ? [] : [['Interval', `${run.interval.start} to ${run.interval.end}`] as [string, string]]),
    ['Started', formatTime(run.startedAt)],
    ...(options.webUi === undefined ? [] : [['Web UI', options.webUi] as [string, string]]),
  ];
  const steps = visibleSteps(run.steps, options.mostSteps ?? Infinity);
  return [
    runTitle(run, colors),
    ...facts.map(([name, value]) => `${name.padEnd(10)}${value}`),
    ...(steps.length === 0 ? [] : ['', screen.table(STEP_COLUMNS, steps.map((step) => stepRow(step, colors)))]),
    ...(steps.length === run.steps.length ? [] : [colors.dim(`and ${otherSteps(run.steps, steps)}`)]),
    ...troubles(run, colors),
    ...resultLines(run),
  ].join('\n');
}

export function runTitle(run: RunView, colors: Colors): string {
  const what = [run.pipeline, run.interval?.label].filter((part) => part !== undefined).join(' ');
  const state = run.cancelRequested === true ? 'cancelling' : run.state;
  return `${colors.bold(what)}  ${paintState(colors, run.state)(state)} ${run.endedAt === undefined ? 'for' : 'after'} ${formatDuration(run.durationMs)}`;
}

function stepRow(step: StepView, colors: Colors): (string | TableCell)[] {
  return [
    step.id,
    { text: step.state, paint: paintState(colors, step.state) },
    step.attempts === 0 ? '' : String(step.attempts),
    step.durationMs === undefined ? '' : formatDuration(step.durationMs),
    step.rows === undefined ? '' : String(step.rows),
    note(step),
  ];
}

function note(step: StepView): string {
  const next = step.nextAttemptAt === undefined ? '' : `next try ${formatTime(step.nextAttemptAt).slice(11)}; `;
  return step.error === undefined || step.state === 'succeeded' ? next : `${next}${step.error.type}: ${step.error.message}`;
}

const BY_URGENCY: readonly StepState[] = ['failed', 'held', 'retrying', 'running', 'cancelled', 'waiting', 'succeeded'];

function visibleSteps(steps: readonly StepView[], most: number): readonly StepView[] {
  if (steps.length <= most) return steps;
  const chosen = new Set(steps.toSorted((a, b) => BY_URGENCY.indexOf(a.state) - BY_URGENCY.indexOf(b.state)).slice(0, Math.max(1, most)));
  return steps.filter((step) => chosen.has(step));
}

function otherSteps(all: readonly StepView[], shown: readonly StepView[]): string {
  const visible = new Set(shown);
  const counts = new Map<StepState, number>();
  for (const { state } of all.filter((step) => !visible.has(step))) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
}

function troubles(run: RunView, colors: Colors): string[] {
  const name = runName(run);
  if (run.failure !== undefined) {
    const where = run.failure.step === undefined ? '' : ` at ${run.failure.step}`;
    return ['', `${colors.red(`${run.state}${where}`)}: ${run.failure.type}: ${oneLine(run.failure.message)}`, ...(run.failure.step === undefined ? [] : [`Next      millrace logs ${name} ${run.failure.step}`])];
  }
  if (run.stuck !== undefined) {
    return ['', `${colors.red('stuck')}: the workflow's own code fails, ${run.stuck.attempts} times so far: ${run.stuck.type}: ${oneLine(run.stuck.message)}`, 'Next      correct the workflow and restart the worker: the run goes on'];
  }
  if (isWorkerLate(run)) return ['', `${colors.yellow('waiting')}: no worker has taken up this run on task queue ${run.taskQueue}`, 'Next      millrace doctor'];
  return [];
}

/** Whether the run stands still because nobody polls its task queue. */
function isWorkerLate({ waitingForWorkerSince }: RunView): boolean {
  return waitingForWorkerSince !== undefined && Date.now() - Date.parse(waitingForWorkerSince) > WORKER_IS_LATE_MS;
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
