import { defineQuery, defineUpdate, setHandler } from '@temporalio/workflow';
import { isBlank, refused, requireName, type Operator } from '../durable/operator.js';
import { rerunOrigin, supersede } from '../durable/rerun.js';
import { stepEntries, stepEntry, type StepEntry, type StepState } from '../durable/step-table.js';
import { OPERATOR_UPDATES, STEPS_QUERY, type SkipOrder, type StepOrder, type StepsAnswer } from './operator-protocol.js';
import type { RunControl } from './run-control.js';
import type { OpenStep, Order, StepRunner } from './step-runner.js';

interface Parts {
  runner: StepRunner;
  control: RunControl;
  /** What goes on now. */
  state: () => StepsAnswer['state'];
  changed: () => void;
}

/** Answers `steps`, and takes the operator's orders: each an update whose validator says what is possible instead. */
export function registerOperatorHandlers({ runner, control, state, changed }: Parts): void {
  setHandler(defineQuery<StepsAnswer>(STEPS_QUERY), () => answer(control, state), { description: 'Every step with its state' });

  const onStep = (kind: Order['kind'], description: string, from: readonly StepState[]): void => {
    setHandler(
      defineUpdate<StepEntry, [StepOrder & Partial<SkipOrder>]>(OPERATOR_UPDATES[kind]),
      (order) => {
        const step = openStep(runner, order, kind, from);
        const before = { ...step.row };
        runner.obey(step, { ...order, kind } as Order);
        return before;
      },
      { description, validator: (order) => void openStep(runner, order, kind, from) },
    );
  };
  onStep('retry', 'Runs a held step, or one that waits for its next attempt, now', ['held', 'running']);
  onStep('skip', 'Gives a step its result by hand ("mark success")', ['held', 'running', 'waiting']);
  onStep('fail', 'Ends a step as failed', ['held', 'running', 'waiting']);

  setHandler(
    defineUpdate<void, [Operator]>(OPERATOR_UPDATES.pause),
    (operator) => {
      control.pause(operator);
      changed();
    },
    {
      description: 'Starts no more steps until it is resumed',
      validator: (operator) => {
        requireName(operator);
        const pause = control.paused();
        if (pause !== undefined) throw refused(`the run is paused already, since ${pause.since} by ${pause.by}`);
      },
    },
  );
  setHandler(
    defineUpdate<void, [Operator]>(OPERATOR_UPDATES.resume),
    () => {
      control.resume();
      changed();
    },
    {
      description: 'Starts steps again',
      validator: (operator) => {
        requireName(operator);
        if (control.paused() === undefined) throw refused('the run is not paused');
      },
    },
  );
  setHandler(defineUpdate<void, [Operator]>(OPERATOR_UPDATES.supersede), () => supersede(), {
    description: 'Keeps what finished steps have left, because a re-run takes over',
    validator: requireName,
  });
}

function answer(control: RunControl, state: () => StepsAnswer['state']): StepsAnswer {
  const paused = control.paused();
  const origin = rerunOrigin();
  return {
    state: state(),
    ...(paused === undefined ? {} : { paused }),
    ...(origin === undefined ? {} : { rerunOf: { workflowId: origin.workflowId, runId: origin.runId } }),
    steps: [...stepEntries()],
  };
}

/** The step that is meant, or an error that lists what is possible. */
function openStep(runner: StepRunner, order: StepOrder, kind: Order['kind'], from: readonly StepState[]): OpenStep {
  requireName(order);
  if (kind === 'skip' && isBlank(order.why)) throw refused('skip needs a reason (why): it stays in the history');
  const step = runner.open.get(order.step);
  if (step !== undefined && from.includes(step.row.state)) return step;
  const row = stepEntry(order.step);
  const what = row === undefined ? `there is no step ${order.step}` : `step ${order.step} ${described(row)}: there is nothing to ${kind}`;
  throw refused(`${what}. ${possible(runner, kind, from)}`, row === undefined ? 'NO_SUCH_STEP' : 'NOT_POSSIBLE');
}

function described({ state, message }: StepEntry): string {
  return `is ${state}${message === undefined ? '' : ` (${message})`}`;
}

/** More than these are a list for `millrace status`. */
const MOST_NAMED = 10;

function possible(runner: StepRunner, kind: Order['kind'], from: readonly StepState[]): string {
  const ids = [...runner.open.values()].filter(({ row }) => from.includes(row.state)).map(({ row }) => `${row.id} (${row.state})`);
  if (ids.length === 0) return `No step of this run can be taken to ${kind} now`;
  const more = ids.length > MOST_NAMED ? ` and ${ids.length - MOST_NAMED} more` : '';
  return `Possible now: ${ids.slice(0, MOST_NAMED).join(', ')}${more}`;
}
