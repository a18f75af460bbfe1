import type { Screen } from '../../src/cli/output/screen.js';
import type { RunView, StepView } from '../../src/runs/run-view.js';
import { count, seconds } from './render-numbers.js';

/** The table of steps while the run goes on. */
export function renderSteps(view: RunView, screen: Screen): string {
  const { green, red, yellow, cyan, dim } = screen.colors;
  const paints = { succeeded: green, failed: red, cancelled: yellow, retrying: yellow, held: yellow, running: cyan, waiting: dim };
  return screen.table(
    [{ head: 'step', shrinksTo: 12 }, { head: 'state' }, { head: 'attempt', align: 'right' }, { head: 'time', align: 'right' }, { head: 'rows', align: 'right' }, { head: 'message', shrinksTo: 10 }],
    view.steps.map((step) => [
      step.id,
      { text: step.state, paint: paints[step.state] },
      String(step.attempts),
      step.durationMs === undefined ? '' : seconds(step.durationMs),
      step.rows === undefined ? '' : count(step.rows),
      step.state === 'succeeded' ? '' : (step.error?.message ?? ''),
    ]),
  );
}

/** For a pipe or a file: one line for every state that a step has reached and that is worth one. */
export function stepLines(view: RunView): string[] {
  return view.steps.filter(({ state }) => state !== 'waiting').map(stepLine);
}

function stepLine(step: StepView): string {
  const rows = step.rows === undefined || step.state === 'running' ? '' : `, ${count(step.rows)} rows`;
  const time = step.state === 'succeeded' && step.durationMs !== undefined ? ` in ${seconds(step.durationMs)}` : '';
  const attempt = step.attempts > 1 ? `, attempt ${step.attempts}` : '';
  const error = step.error === undefined || step.state === 'succeeded' ? '' : `: ${step.error.message}`;
  return `  ${step.id} ${step.state}${time}${rows}${attempt}${error}`;
}
