import { stepPath } from '../../runs/find-step.js';
import type { RunView, StepState, StepView } from '../../runs/run-view.js';
import { formatDuration, formatTime, oneLine } from './format.js';
import { ganttBar, isOpen, stretchesOf, type Stretch, type TimeScale } from './gantt.js';
import { paintState } from './paint-state.js';
import type { Colors, Screen } from './screen.js';
import { widthOf, type TableCell, type TableColumn } from './table.js';

const STEP: TableColumn = { head: 'STEP', shrinksTo: 16 };
const FIXED: readonly TableColumn[] = [{ head: 'STATE' }, { head: 'TRIES', align: 'right' }, { head: 'TIME', align: 'right' }, { head: 'ROWS', align: 'right' }];
const WHEN: TableColumn = { head: 'WHEN' };
const NOTE: TableColumn = { head: 'NOTE', shrinksTo: 8 };

/** Bars give way to names and notes: below the least they are left out, beyond the most they say no more. */
const BAR_CELLS = { least: 8, most: 40 };
/** What names and notes may ask for before there is room for bars. */
const NAME_CELLS = 28;
const NOTE_CELLS = 12;

/** One line of the table: a step, or the group that the deeper lines after it belong to. */
interface Line {
  name: string;
  depth: number;
  /** One for a step; all that are in the group, at any depth, for a group. */
  steps: readonly StepView[];
  isGroup: boolean;
}

/**
 * The steps of a run as a table, each group under a line of its own, with a Gantt bar where a terminal has room. Of `steps` those
 * in `shown` have a line; a group speaks for all of its steps.
 */
export function stepTable(run: RunView, shown: ReadonlySet<StepView>, screen: Screen): string {
  const { colors } = screen;
  const now = Date.parse(run.startedAt) + run.durationMs;
  const lines = linesOf(run.steps, 0).filter(({ steps }) => steps.some((step) => shown.has(step)));
  const rows = lines.map((line) => ({ line, cells: line.isGroup ? groupCells(line, now, colors) : stepCells(line, colors) }));
  const width = barWidth(rows.map(({ cells }) => cells), screen.width);
  if (width === 0) return screen.table([STEP, ...FIXED, NOTE], rows.map(({ cells }) => cells));
  const scale = { from: Date.parse(run.startedAt), to: now, width };
  const withBars = rows.map(({ line, cells }) => [...cells.slice(0, -1), barCell(line, scale, colors), ...cells.slice(-1)]);
  // The bar has left them their room: only a note gives way.
  const step = { ...STEP, shrinksTo: NAME_CELLS };
  return screen.table([step, ...FIXED, WHEN, NOTE], withBars);
}

/** How many lines groups take. */
export function groupCount(steps: readonly StepView[]): number {
  return linesOf(steps, 0).filter(({ isGroup }) => isGroup).length;
}

/** Groups stand where their first step does. */
function linesOf(steps: readonly StepView[], depth: number): Line[] {
  const groups = new Map<string, StepView[]>();
  const order: (string | StepView)[] = [];
  for (const step of steps) {
    const path = stepPath(step.id);
    const group = path.length - 1 > depth ? path[depth]! : undefined;
    if (group === undefined) order.push(step);
    else if (groups.has(group)) groups.get(group)!.push(step);
    else {
      groups.set(group, [step]);
      order.push(group);
    }
  }
  return order.flatMap((item): Line[] => {
    if (typeof item !== 'string') return [{ name: stepPath(item.id).slice(depth).join('.'), depth, steps: [item], isGroup: false }];
    const members = groups.get(item)!;
    return [{ name: item, depth, steps: members, isGroup: true }, ...linesOf(members, depth + 1)];
  });
}

type Cell = string | TableCell;

function stepCells({ name, depth, steps }: Line, colors: Colors): Cell[] {
  const step = steps[0]!;
  return [
    nameCell(name, depth),
    { text: step.state, paint: paintState(colors, step.state) },
    step.attempts === 0 ? '' : String(step.attempts),
    step.durationMs === undefined ? '' : formatDuration(step.durationMs),
    step.rows === undefined ? '' : String(step.rows),
    note(step),
  ];
}

function groupCells({ name, depth, steps }: Line, now: number, colors: Colors): Cell[] {
  const state = stateOfGroup(steps);
  const time = timeOfGroup(steps, now);
  return [nameCell(name, depth, colors.bold), { text: state, paint: paintState(colors, state) }, '', time === undefined ? '' : formatDuration(time.to - time.from), '', ''];
}

function nameCell(name: string, depth: number, paint?: (text: string) => string): TableCell {
  return { text: `${'  '.repeat(depth)}${oneLine(name)}`, verbatim: true, ...(paint === undefined ? {} : { paint }) };
}

/** What an operator should know first of what is inside. */
export function stateOfGroup(steps: readonly StepView[]): StepState {
  const states = new Set(steps.map(({ state }) => state));
  for (const state of ['held', 'failed', 'retrying', 'running'] as const) if (states.has(state)) return state;
  if (states.has('waiting')) return states.size > 1 ? 'running' : 'waiting';
  if (states.has('cancelled')) return 'cancelled';
  return states.size === 1 ? steps[0]!.state : 'succeeded';
}

function timeOfGroup(steps: readonly StepView[], now: number): Stretch | undefined {
  const begun = steps.filter(({ startedAt }) => startedAt !== undefined);
  if (begun.length === 0) return undefined;
  const from = Math.min(...begun.map(({ startedAt }) => Date.parse(startedAt!)));
  const ends = begun.map((step) => (isOpen(step) || step.endedAt === undefined ? now : Date.parse(step.endedAt)));
  return { from, to: Math.max(from, ...ends) };
}

function barCell({ steps, isGroup }: Line, scale: TimeScale, colors: Colors): TableCell {
  const state = isGroup ? stateOfGroup(steps) : steps[0]!.state;
  const bar = isGroup ? ganttBar({ idle: timeOfGroup(steps, scale.to) }, scale) : ganttBar(stretchesOf(steps[0]!, scale.to), scale);
  return { text: bar.padEnd(scale.width), verbatim: true, paint: paintState(colors, state) };
}

/** Cells that are left for bars: none in a file or a pipe, which have no width that they could be scaled to. */
function barWidth(rows: readonly (readonly Cell[])[], screenWidth: number | undefined): number {
  if (screenWidth === undefined || rows.length === 0) return 0;
  const columns = [STEP, ...FIXED, NOTE];
  const asked = columns.map((column, index) => widthOf(column, rows.map((row) => row[index]!)));
  asked[0] = Math.min(asked[0]!, NAME_CELLS);
  const notes = asked.at(-1)!;
  asked[columns.length - 1] = Math.min(notes, NOTE_CELLS);
  const left = screenWidth - asked.reduce((sum, width) => sum + width + 2, 0);
  if (left < BAR_CELLS.least) return 0;
  // Of what is left beyond the least, long notes get half.
  const forNotes = Math.min(notes - asked.at(-1)!, Math.ceil((left - BAR_CELLS.least) / 2));
  return Math.min(left - forNotes, BAR_CELLS.most);
}

function note({ state, nextAttemptAt, heldUntil, message, error }: StepView): string {
  const isOver = state === 'succeeded' || state === 'skipped' || state === 'reused' || state === 'cancelled';
  return [
    nextAttemptAt === undefined ? '' : `next try ${formatTime(nextAttemptAt).slice(11)}`,
    heldUntil === undefined ? '' : `until ${formatTime(heldUntil)}`,
    message ?? '',
    error === undefined || isOver ? '' : `${error.type}: ${error.message}`,
  ]
    .filter((part) => part !== '')
    .join('; ');
}
