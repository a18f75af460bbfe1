import { createLogUpdate } from 'log-update';
import type { RunView, StepView } from '../../runs/run-view.js';
import { formatDuration, formatTime, oneLine } from './format.js';
import { renderRun, runTitle } from './run-text.js';
import type { Screen } from './screen.js';

/** A run as it goes on: a table that is drawn anew on a terminal (`live`), a line per change elsewhere. */
export function createRunPicture(
  screen: Screen,
  { webUi, live, say }: { webUi: string | undefined; live: boolean; say: (line: string) => void },
): { show(view: RunView): void; done(): void } {
  if (live) {
    const update = createLogUpdate(process.stdout);
    return { show: (view) => update(renderRun(view, screen, { webUi, height: screen.height })), done: () => update.done() };
  }
  const changes = createChangeLines(screen.colors);
  return {
    show(view) {
      for (const line of changes(view)) say(line);
    },
    done() {},
  };
}

/** The lines that tell what has changed since the view before. */
function createChangeLines(colors: Screen['colors']): (view: RunView) => string[] {
  const known = new Map<string, string | undefined>();
  return (view) => {
    const lines = known.size === 0 ? [runTitle(view, colors)] : [];
    known.set('', view.state);
    for (const step of view.steps) {
      const now = `${step.state} ${step.attempts}`;
      if (known.get(step.id) === now) continue;
      known.set(step.id, now);
      if (step.state !== 'waiting' || step.kind === 'approval') lines.push(stepLine(step));
    }
    if (view.standstill !== known.get('standstill')) {
      known.set('standstill', view.standstill);
      if (view.standstill === 'paused') lines.push(`paused${view.paused === undefined ? '' : ` by ${view.paused.by}`}`);
    }
    if (view.stuck !== undefined && known.get('stuck') !== view.stuck.message) {
      known.set('stuck', view.stuck.message);
      lines.push(`stuck: the workflow's own code fails: ${view.stuck.type}: ${oneLine(view.stuck.message)}`);
    }
    return lines;
  };
}

const OVER: readonly StepView['state'][] = ['succeeded', 'skipped', 'reused'];

function stepLine(step: StepView): string {
  const time = formatTime(step.endedAt ?? step.startedAt ?? new Date().toISOString()).slice(11);
  const parts = [
    step.attempts > 1 ? `attempt ${step.attempts}` : '',
    step.rows === undefined ? '' : `${step.rows} rows`,
    step.endedAt === undefined || step.durationMs === undefined ? '' : formatDuration(step.durationMs),
    step.heldUntil === undefined ? '' : `until ${formatTime(step.heldUntil)}`,
    step.message === undefined ? '' : oneLine(step.message),
    step.error === undefined || OVER.includes(step.state) ? '' : `${step.error.type}: ${oneLine(step.error.message)}`,
  ].filter((part) => part !== '');
  return `${time}  ${step.id}  ${step.state}${parts.length === 0 ? '' : `  ${parts.join(', ')}`}`;
}
