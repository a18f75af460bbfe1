import type { Client } from '@temporalio/client';
import { pipelineOfWorkflow } from '../../catalog.js';
import { runName } from '../../runs/run-view.js';
import { rowsOf } from '../../datasets/rows-of.js';
import { readPastRun, type PastRun, type PastStep } from '../../reruns/past-steps.js';
import { planRerun, type RerunPlan } from '../../reruns/plan-rerun.js';
import { goneResults, supersedeRun } from '../../reruns/rerun.js';
import { startRerun } from '../../reruns/start-rerun.js';
import { CliError, usageError } from '../cli-error.js';
import { EXIT_CODES } from '../exit-codes.js';
import { findRun } from '../find-run.js';
import { oneStep, operator } from '../operate.js';
import type { Screen } from '../output/screen.js';
import { webUiLink } from '../temporal-client.js';
import { DATE_OPTION, defineVerb, RUN_HELP, STEP_HELP, type Verb } from '../verb.js';
import { watchRun } from '../watch-run.js';

export const rerunVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'rerun <RUN>',
    summary: "a new run of today's code that reuses what an old one has finished",
    details: `${RUN_HELP} Run again are the step of --from (without it: those that failed), every step that was scheduled after it had ended, and what did not finish; all others keep their results. ${STEP_HELP}`,
    examples: ['rerun last --dry-run', 'rerun ecommerce-daily-2010-12-01', 'rerun ecommerce-daily --date 2010-12-01 --from cleanAndJoin --watch'],
  })
    .option(...DATE_OPTION)
    .option('--from <STEP>', 'run this step again, and what came after it')
    .option('--replace', 'where the run is still open: cancel it and take over')
    .option('--why <reason>', "kept in the old run's history, where it is replaced")
    .option('--dry-run', 'only show what would be reused and what would run again')
    .option('--watch', 'follow it until it ends; the exit code tells how')
    .action(
      act(async (cli, [name], { json, date, from, replace, why, dryRun, watch }) => {
        const temporal = await cli.temporal();
        const { client } = temporal;
        const past = await readPastRun(client, await findRun(client, name!, date));
        refuseStream(past);
        const plan = planRerun(past.steps, startingPoint(past, from));
        if (!json) cli.screen.print(planText(past, plan, cli.screen));
        await refuseGone(client, past, plan);
        if (dryRun === true) {
          if (json) cli.screen.print(JSON.stringify(planJson(past, plan), undefined, 2));
          return EXIT_CODES.OK;
        }

        if (past.isOpen) await replaceOpen(client, past, replace === true, why);
        const ids = await startRerun(client, past, plan.reused);
        if (watch === true) return watchRun(cli, temporal, ids, json === true);
        if (json) cli.screen.print(JSON.stringify({ ...planJson(past, plan), ...ids, webUi: webUiLink(temporal.target, ids) ?? null }, undefined, 2));
        else cli.screen.print(`\nstarted ${runName(ids)}\nwatch it: millrace watch ${ids.workflowId}`);
        return EXIT_CODES.OK;
      }),
    );
};

/** What it has loaded stands in the warehouse: nothing of a batch that has failed is worth to be reused. */
function refuseStream({ workflow }: PastRun): void {
  const pipeline = pipelineOfWorkflow(workflow);
  if (pipeline?.continuous === true) throw usageError(`${pipeline.name} is not re-run: it goes on where loading has come to`, `millrace run ${pipeline.name}`);
}

/** The step of `--from`; `undefined` where the failed ones are meant. */
function startingPoint(past: PastRun, from: unknown): PastStep | undefined {
  const { workflowId } = past.ids;
  if (typeof from !== 'string') {
    if (past.isOpen || past.steps.some(({ state }) => state === 'failed' || state === 'cancelled' || state === 'open')) return undefined;
    throw usageError(`every step of ${workflowId} has finished`, `say where to begin: millrace rerun ${workflowId} --from STEP`);
  }
  const step = oneStep({ workflowId, steps: past.steps }, from);
  if (step.state !== 'reused') return step;
  const origin = runName(past.origin ?? past.ids);
  throw usageError(`this run has ${step.id} from the run before it`, `re-run that one: millrace rerun ${origin} --from ${step.id}`);
}

async function refuseGone(client: Client, past: PastRun, { reused }: RerunPlan): Promise<void> {
  const gone = await goneResults(client, past, reused);
  const [first] = gone;
  if (first === undefined) return;
  const list = gone.map(({ step, what }) => `${what} (of ${step})`).join(', ');
  throw new CliError(EXIT_CODES.CONFLICT, `what would be reused no longer exists: ${list}`, `make it again: millrace rerun ${past.ids.workflowId} --from ${first.step}`);
}

async function replaceOpen(client: Client, past: PastRun, replace: boolean, why: unknown): Promise<void> {
  const { workflowId } = past.ids;
  if (!replace) throw new CliError(EXIT_CODES.CONFLICT, `${workflowId} is still open`, 'add --replace to cancel it and take over, or use millrace retry');
  await supersedeRun(client, past, operator(why));
}

function planText(past: PastRun, plan: RerunPlan, screen: Screen): string {
  const { colors } = screen;
  const rows = [
    ...plan.reused.map((step) => ({ step, does: { text: 'reused', paint: colors.green }, why: step.state })),
    ...plan.again.map(({ step, reason, after }) => ({ step, does: { text: 'runs again', paint: colors.yellow }, why: after === undefined ? reason : `after ${after}` })),
  ].toSorted((a, b) => a.step.scheduled - b.step.scheduled);
  const table = screen.table(
    [{ head: 'STEP', shrinksTo: 16 }, { head: 'NOW' }, { head: 'WHY', shrinksTo: 8 }, { head: 'ROWS', align: 'right' }],
    rows.map(({ step, does, why }) => [step.id, does, why, String(rowsOf(step.result) ?? '')]),
  );
  const rewritten = rewrites(past);
  const open = past.steps.filter(({ state }) => state === 'open').map(({ id }) => id);
  return [
    table,
    '',
    ...(rewritten.length === 0 ? [] : [`Rewrites  ${rewritten.join(', ')}, for the same interval`]),
    ...(past.isOpen ? [`Cancels   ${runName(past.ids)}${open.length === 0 ? '' : `, with what runs there: ${open.join(', ')}`}`] : []),
    'Steps that the old run never came to are not shown.',
  ].join('\n');
}

/** Tables that publishing replaces. */
function rewrites({ workflow }: PastRun): readonly string[] {
  return pipelineOfWorkflow(workflow)?.publishes ?? [];
}

function planJson(past: PastRun, plan: RerunPlan): Record<string, unknown> {
  return {
    of: past.ids,
    reused: plan.reused.map(({ id, state }) => ({ id, state })),
    again: plan.again.map(({ step, reason, after }) => ({ id: step.id, reason, ...(after === undefined ? {} : { after }) })),
    rewrites: rewrites(past),
    cancels: past.isOpen ? past.steps.filter(({ state }) => state === 'open').map(({ id }) => id) : [],
  };
}
