import { stepCount, stepEntries, type StepEntry, type StepState } from '../durable/step-table.js';

/** More rows than this are nobody's picture of a run. */
const MOST_ROWS = 100;

const BY_URGENCY: readonly StepState[] = ['held', 'failed', 'retrying', 'running', 'waiting', 'cancelled', 'skipped', 'reused', 'succeeded'];

/**
 * The run as markdown, for the Web UI's current details: counts, and a table of the steps in their order, of which what is over
 * gives way first. Rendered when somebody asks, not when a step changes.
 */
export function renderDetails(headline: string): string {
  const entries = stepEntries();
  if (entries.length === 0) return headline;
  const counts = BY_URGENCY.flatMap((state) => (stepCount(state) === 0 ? [] : [`${stepCount(state)} ${state}`])).join(', ');
  const shown = mostUrgent(entries);
  return [
    `${headline}: ${counts}`,
    '',
    '| Step | State | Rows | Note |',
    '|---|---|---:|---|',
    ...shown.map(rowOf),
    ...(shown.length === entries.length ? [] : ['', `and ${entries.length - shown.length} more`]),
  ].join('\n');
}

function mostUrgent(entries: readonly StepEntry[]): readonly StepEntry[] {
  if (entries.length <= MOST_ROWS) return entries;
  const chosen = new Set(entries.toSorted((a, b) => BY_URGENCY.indexOf(a.state) - BY_URGENCY.indexOf(b.state)).slice(0, MOST_ROWS));
  return entries.filter((entry) => chosen.has(entry));
}

function rowOf({ id, state, rows, error, message, heldUntil }: StepEntry): string {
  const note = [message, error === undefined ? undefined : `${error.type}: ${error.message}`, heldUntil === undefined ? undefined : `held until ${heldUntil}`];
  const cells = [`\`${id}\``, state === 'held' || state === 'failed' ? `**${state}**` : state, rows === undefined ? '' : String(rows), note.filter((part) => part !== undefined).join('; ')];
  return `| ${cells.map(cell).join(' | ')} |`;
}

/** A message of a driver must not end its cell, nor the table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');
}
