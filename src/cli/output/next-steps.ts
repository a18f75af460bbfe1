import { findPipeline } from '../../catalog.js';
import { runName, type RunView, type StepView } from '../../runs/run-view.js';
import { formatTime, oneLine } from './format.js';
import type { Colors } from './screen.js';

/** A worker that lives takes a task within moments. */
const WORKER_IS_LATE_MS = 10_000;
/** Of steps that need somebody, so many are told in full. */
const TOLD_IN_FULL = 3;

/** What keeps a run from going on, each with the commands that help. */
export function nextSteps(run: RunView, colors: Colors): string[] {
  if (run.failure !== undefined) return failed(run, run.failure, colors);
  if (run.stuck !== undefined) {
    const { attempts, type, message } = run.stuck;
    return ['', `${colors.red('stuck')}: the workflow's own code fails, ${attempts} times so far: ${type}: ${oneLine(message)}`, ...next('correct the workflow and restart the worker: the run goes on')];
  }
  if (run.state !== 'running') return [];
  const held = run.steps.filter(({ state }) => state === 'held');
  return [
    ...some(held, (step) => heldStep(run, step, colors)),
    ...some(openApprovals(run), (step) => openApproval(run, step, colors)),
    ...(run.standstill === 'paused' || run.paused !== undefined ? paused(run, colors) : []),
    ...some(run.steps.filter(({ state }) => state === 'retrying'), (step) => retryingStep(run, step, colors)),
    ...(isWorkerLate(run) ? ['', `${colors.yellow('waiting')}: no worker has taken up this run on task queue ${run.taskQueue}`, ...next('millrace doctor')] : []),
    ...(run.standstill === 'held' && held.length === 0 ? ['', `${colors.yellow('held')}: a step waits for an operator; which one only a worker can tell, and none answers`, ...next('millrace doctor')] : []),
  ];
}

function failed(run: RunView, { step, type, message }: NonNullable<RunView['failure']>, colors: Colors): string[] {
  const where = step === undefined ? '' : ` at ${step}`;
  const again = findPipeline(run.pipeline)?.continuous === true ? `millrace run ${run.pipeline}` : `millrace rerun ${runName(run)}`;
  return ['', `${colors.red(`${run.state}${where}`)}: ${type}: ${oneLine(message)}`, ...(step === undefined ? [] : next(`millrace logs ${runName(run)} ${argument(step)}`, again))];
}

function heldStep({ workflowId }: RunView, { id, error, heldUntil }: StepView, colors: Colors): string[] {
  const until = heldUntil === undefined ? '' : ` until ${formatTime(heldUntil)}, then it fails`;
  return [
    '',
    `${colors.yellow('held')} at ${id}${until}${error === undefined ? '' : `: ${error.type}: ${oneLine(error.message)}`}`,
    ...next(
      `millrace logs ${workflowId} ${argument(id)}`,
      `millrace retry ${workflowId} ${argument(id)}`,
      `millrace skip ${workflowId} ${argument(id)} --result JSON --why REASON`,
      `millrace fail ${workflowId} ${argument(id)}`,
    ),
  ];
}

function openApproval({ workflowId }: RunView, { id, message }: StepView, colors: Colors): string[] {
  return [
    '',
    `${colors.yellow('waiting for approval')} of ${id}${message === undefined ? '' : `: ${oneLine(message)}`}`,
    ...next(`millrace approve ${workflowId} ${argument(id)}`, `millrace reject ${workflowId} ${argument(id)} --why REASON`),
  ];
}

function paused({ workflowId, paused: pause }: RunView, colors: Colors): string[] {
  const who = pause === undefined ? '' : ` by ${pause.by} since ${formatTime(pause.since)}${pause.why === undefined ? '' : `: ${oneLine(pause.why)}`}`;
  return ['', `${colors.yellow('paused')}${who}`, ...next(`millrace resume ${workflowId}`)];
}

function retryingStep({ workflowId }: RunView, { id, attempts, nextAttemptAt, error }: StepView, colors: Colors): string[] {
  const when = nextAttemptAt === undefined ? '' : `, next try ${formatTime(nextAttemptAt)}`;
  return ['', `${colors.yellow('retrying')} ${id} after attempt ${attempts}${when}${error === undefined ? '' : `: ${error.type}: ${oneLine(error.message)}`}`, ...next(`millrace retry ${workflowId} ${argument(id)}`)];
}

function openApprovals({ steps }: RunView): StepView[] {
  return steps.filter(({ kind, state }) => kind === 'approval' && state === 'waiting');
}

function some(steps: readonly StepView[], tell: (step: StepView) => string[]): string[] {
  const rest = steps.length - TOLD_IN_FULL;
  return [...steps.slice(0, TOLD_IN_FULL).flatMap(tell), ...(rest > 0 ? [`and ${rest} more`] : [])];
}

function next(...commands: string[]): string[] {
  return commands.map((command, index) => (index === 0 ? 'Next' : '').padEnd(10) + command);
}

/** As a shell takes it: map keys stand in brackets. */
function argument(id: string): string {
  return /^[\w.#@/-]+$/.test(id) ? id : `'${id.replaceAll("'", `'\\''`)}'`;
}

/** Whether the run stands still because nobody polls its task queue. */
function isWorkerLate({ waitingForWorkerSince }: RunView): boolean {
  return waitingForWorkerSince !== undefined && Date.now() - Date.parse(waitingForWorkerSince) > WORKER_IS_LATE_MS;
}
