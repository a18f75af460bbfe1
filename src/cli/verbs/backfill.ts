import type { Command } from 'commander';
import { listBackfills } from '../../backfills/backfills.js';
import { MOST_PARALLEL } from '../../durable/backfill.js';
import { backfillRequest, parallelOf, planBackfill, prepareDays, startBackfill } from '../backfill.js';
import { knownBackfill, orderBackfill } from '../backfill-orders.js';
import type { Cli } from '../cli.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { knownEndingPipeline, knownPipeline, positiveInteger } from '../find-run.js';
import { operator } from '../operate.js';
import { renderBackfills, renderPlan } from '../output/backfill-text.js';
import { addRunOptions, parseRunOptions } from '../run-options.js';
import { defineVerb, type Act, type Verb, type VerbHelp } from '../verb.js';
import { watchBackfill } from '../watch-backfill.js';

const BACKFILL_HELP = 'BACKFILL is a workflow id (backfill-ecommerce-daily-2010-12-01-2010-12-23), a pipeline (its newest backfill), or `last`.';

export const backfillVerb: Verb = (parent, act) => {
  const backfill = defineVerb(parent, {
    usage: 'backfill <PIPELINE>',
    summary: 'run a pipeline for a range of days, some at a time',
    details:
      'A durable workflow: it outlives this command and any worker. By itself it runs the intervals that the warehouse has no load of; one that fails does not stop the others. --from and --to are days in the time zone of the pipeline’s schedule, both included.',
    examples: [
      'backfill ecommerce-daily --from 2010-12-01 --to 2010-12-23 --parallel 4 --watch',
      'backfill ecommerce-daily --from 2010-12-01 --to 2010-12-23 --dry-run',
      'backfill ecommerce-daily --from 2010-12-01 --to 2010-12-23 --only failed --newest-first',
      'backfill ecommerce-daily --from 2010-12-01 --to 2010-12-23 --on-failure hold --hold-for 2h',
    ],
  });
  addRunOptions(backfill)
    .enablePositionalOptions()
    .option('--from <YYYY-MM-DD>', 'the first day')
    .option('--to <YYYY-MM-DD>', 'the last day')
    .option('--parallel <n>', `intervals at a time, at most ${MOST_PARALLEL}`, '2')
    .option('--only <which>', 'missing, failed (missing ones whose newest run failed) or all (loaded ones again)', 'missing')
    .option('--newest-first', 'begin with the last day')
    .option('--param <name=JSON>', 'a parameter of every run; may be repeated', (value: string, before: string[]) => [...before, value], [])
    .option('--dry-run', 'show what would run, why, and in which order')
    .option('--watch', 'follow it until it ends; the exit code tells how')
    .action(
      act(async (cli, [name], { json, watch, dryRun, ...asked }) => {
        const pipeline = knownEndingPipeline(name!);
        const request = await backfillRequest(pipeline, asked, parseRunOptions(asked));
        const { client } = await cli.temporal();
        if (dryRun === true) {
          const plan = await planBackfill(client, pipeline, request);
          cli.screen.print(json ? JSON.stringify({ request, ...plan }, undefined, 2) : renderPlan(request, plan, cli.screen));
          return EXIT_CODES.OK;
        }
        await prepareDays(cli, pipeline, request);
        const workflowId = await startBackfill(client, pipeline, request);
        if (watch) return watchBackfill(cli, client, workflowId, json === true);
        if (json) cli.screen.print(JSON.stringify({ workflowId, request }, undefined, 2));
        else cli.screen.print(`started ${workflowId}\nwatch it: millrace backfill watch ${workflowId}`);
        return EXIT_CODES.OK;
      }),
    );

  defineVerb(backfill, { usage: 'list [PIPELINE]', summary: 'backfills, the newest first', examples: ['backfill list', "backfill list --json | jq -r '.[0].state'"] })
    .option('--limit <n>', 'at most so many', '20')
    .action(
      act(async (cli, [name], { json, limit }) => {
        const most = positiveInteger('--limit', limit);
        const pipeline = name === undefined ? undefined : knownPipeline(name).name;
        const { client } = await cli.temporal();
        const backfills = await listBackfills(client, most, pipeline);
        if (json) cli.screen.print(JSON.stringify(backfills, undefined, 2));
        else if (backfills.length === 0) cli.screen.remark('no backfills; see millrace backfill --help');
        else cli.screen.print(renderBackfills(backfills, cli.screen));
        return EXIT_CODES.OK;
      }),
    );

  defineVerb(backfill, {
    usage: 'watch <BACKFILL>',
    summary: 'follow a backfill until it has ended; of one that has ended, its result',
    details: BACKFILL_HELP,
    examples: ['backfill watch last', 'backfill watch ecommerce-daily --json'],
  }).action(
    act(async (cli, [name], { json }) => {
      const { client } = await cli.temporal();
      return watchBackfill(cli, client, await knownBackfill(client, name!), json === true);
    }),
  );

  order(backfill, act, { usage: 'pause <BACKFILL>', summary: 'start no more intervals; those that run go on', examples: ['backfill pause last --why "the warehouse is slow"'] }, async (cli, workflowId, _args, why) => {
    await orderBackfill((await cli.temporal()).client, workflowId, 'pause', operator(why));
    return `paused ${workflowId}; go on: millrace backfill resume ${workflowId}`;
  });
  order(backfill, act, { usage: 'resume <BACKFILL>', summary: 'start intervals again', examples: ['backfill resume last'] }, async (cli, workflowId, _args, why) => {
    await orderBackfill((await cli.temporal()).client, workflowId, 'resume', operator(why));
    return `resumed ${workflowId}`;
  });
  order(backfill, act, { usage: 'parallel <BACKFILL> <N>', summary: 'change how many intervals run at a time', examples: ['backfill parallel last 8'] }, async (cli, workflowId, [, wanted]) => {
    const parallel = parallelOf('N', wanted);
    await orderBackfill((await cli.temporal()).client, workflowId, 'parallel', parallel);
    return `${workflowId} runs ${parallel} intervals at a time`;
  });
  order(
    backfill,
    act,
    {
      usage: 'cancel <BACKFILL>',
      summary: 'cancel a backfill and the runs that it has started',
      details: 'Running intervals are cancelled and clean up; it ends when they have. What is loaded stays, and a new backfill goes on from there. Runs of others that it waits for are left alone.',
      examples: ['backfill cancel last --why "wrong month"'],
    },
    async (cli, workflowId, _args, why) => {
      const { client } = await cli.temporal();
      await client.workflowService.requestCancelWorkflowExecution({
        namespace: client.options.namespace,
        workflowExecution: { workflowId },
        identity: client.options.identity,
        reason: typeof why === 'string' ? why : 'cancelled with the millrace command',
      });
      return `asked ${workflowId} to cancel; see it end: millrace backfill watch ${workflowId}`;
    },
  );
};

/** A verb that tells one thing to one backfill; `work` returns what to say. */
function order(parent: Command, act: Act, help: VerbHelp, work: (cli: Cli, workflowId: string, args: readonly string[], why: unknown) => Promise<string>): void {
  const { details, ...rest } = help;
  defineVerb(parent, { ...rest, details: details === undefined ? BACKFILL_HELP : `${BACKFILL_HELP} ${details}` })
    .option('--why <reason>', 'kept in its history')
    .action(
      act(async (cli, args, { json, why }): Promise<ExitCode> => {
        const { client } = await cli.temporal();
        const workflowId = await knownBackfill(client, args[0]!);
        const said = await work(cli, workflowId, args, why);
        cli.screen.print(json ? JSON.stringify({ workflowId, done: said }) : said);
        return EXIT_CODES.OK;
      }),
    );
}
