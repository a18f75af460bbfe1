import type { RunState, Standstill, StepState } from '../../runs/run-view.js';
import type { Colors } from './screen.js';

/** The colour of a state, of runs and steps alike. */
export function paintState(colors: Colors, state: RunState | StepState | Standstill): (text: string) => string {
  if (state === 'succeeded' || state === 'completed') return colors.green;
  if (state === 'failed' || state === 'timed-out' || state === 'terminated') return colors.red;
  if (state === 'retrying' || state === 'held' || state === 'paused' || state === 'waiting-for-approval' || state === 'cancelled') return colors.yellow;
  return state === 'running' ? colors.cyan : colors.dim;
}
