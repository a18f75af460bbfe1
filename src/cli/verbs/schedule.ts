import { ScheduleNotFoundError, type ScheduleHandle } from '@temporalio/client';
import { CATALOG, type Pipeline } from '../../catalog.js';
import { applySchedule, describeSchedule, nextRun, type AppliedSchedule } from '../../schedules/apply-schedules.js';
import type { Cli } from '../cli.js';
import { notFound, usageError } from '../cli-error.js';
import { EXIT_CODES } from '../exit-codes.js';
import { knownPipeline } from '../find-run.js';
import { formatTime } from '../output/format.js';
import { defineVerb, type Act, type Verb, type VerbHelp } from '../verb.js';
import type { Command } from 'commander';

export const scheduleVerb: Verb = (parent, act) => {
  const schedule = parent
    .command('schedule')
    .summary('when pipelines run by themselves')
    .description('when pipelines run by themselves: the catalog says when, `apply` tells Temporal');

  defineVerb(schedule, {
    usage: 'apply [PIPELINE]',
    summary: "make Temporal's schedules what the catalog says, and show what changes",
    details: "Doing it twice changes nothing. An operator's pause stays.",
    examples: ['schedule apply', 'schedule apply ecommerce-daily --json'],
  }).action(
    act(async (cli, [name], { json }) => {
      const { client } = await cli.temporal();
      const applied: AppliedSchedule[] = [];
      for (const pipeline of scheduledPipelines(name)) applied.push(await applySchedule(client, pipeline, new Date()));
      if (json) cli.screen.print(JSON.stringify(applied, undefined, 2));
      else for (const one of applied) cli.screen.print(appliedText(one));
      return EXIT_CODES.OK;
    }),
  );

  defineVerb(schedule, { usage: 'list', summary: 'every schedule with its state and its next runs', examples: ['schedule list', 'schedule list --json'] }).action(
    act(async (cli, _args, { json }) => {
      const rows = await listSchedules(cli);
      if (json) cli.screen.print(JSON.stringify(rows, undefined, 2));
      else {
        const columns = [{ head: 'PIPELINE' }, { head: 'CRON' }, { head: 'ZONE' }, { head: 'STATE' }, { head: 'NEXT RUN' }, { head: 'NOTE', shrinksTo: 0 }];
        cli.screen.print(cli.screen.table(columns, rows.map((row) => [row.pipeline, row.cron, row.timezone, row.state, formatTime(row.nextRuns[0]), row.note])));
      }
      return EXIT_CODES.OK;
    }),
  );

  change(schedule, act, { usage: 'pause <PIPELINE>', summary: 'start no more runs until it is resumed', examples: ['schedule pause ecommerce-daily --why "warehouse is being moved"'] }, 'paused', (handle, why) => handle.pause(why ?? 'paused with the millrace command'));
  change(schedule, act, { usage: 'resume <PIPELINE>', summary: 'start runs again; those that were due in between are not made up for', examples: ['schedule resume ecommerce-daily'] }, 'resumed', (handle, why) => handle.unpause(why ?? 'resumed with the millrace command'));
  change(schedule, act, { usage: 'trigger <PIPELINE>', summary: 'start a run now, as if it were due', examples: ['schedule trigger ecommerce-daily'] }, 'triggered', (handle) => handle.trigger());
  change(schedule, act, { usage: 'delete <PIPELINE>', summary: 'remove it from Temporal; runs stay, and `apply` brings it back', examples: ['schedule delete ecommerce-daily'] }, 'deleted', (handle) => handle.delete());
};

/** A verb that does one thing to one schedule. */
function change(schedule: Command, act: Act, help: VerbHelp, done: string, work: (handle: ScheduleHandle, why: string | undefined) => Promise<void>): void {
  const command = defineVerb(schedule, help);
  if (done === 'paused' || done === 'resumed') command.option('--why <reason>', 'shown by `schedule list` and in the Web UI');
  command.action(
    act(async (cli, [name], { json, why }) => {
      const { client } = await cli.temporal();
      const pipeline = knownPipeline(name!);
      try {
        await work(client.schedule.getHandle(pipeline.name), typeof why === 'string' ? why : undefined);
      } catch (error) {
        if (error instanceof ScheduleNotFoundError) throw notFound(`${pipeline.name} has no schedule in Temporal`, `millrace schedule apply ${pipeline.name}`);
        throw error;
      }
      cli.screen.print(json ? JSON.stringify({ pipeline: pipeline.name, done }) : `${done} the schedule of ${pipeline.name}`);
      return EXIT_CODES.OK;
    }),
  );
}

function scheduledPipelines(name: string | undefined): Pipeline[] {
  if (name === undefined) return CATALOG.filter(({ schedule }) => schedule !== undefined);
  const pipeline = knownPipeline(name);
  if (pipeline.schedule === undefined) throw usageError(`${name} has no schedule in src/catalog.ts`, 'add one there, or run it by hand: millrace run');
  return [pipeline];
}

function appliedText({ pipeline, outcome, changes, paused, nextRun }: AppliedSchedule): string {
  const when = paused ? 'paused' : nextRun === undefined ? 'never due' : `next run ${formatTime(nextRun)}`;
  return [`${pipeline}  ${outcome}, ${when}`, ...changes.map(({ field, from, to }) => `  ${field}: ${from} -> ${to}`)].join('\n');
}

async function listSchedules(cli: Cli) {
  const { client } = await cli.temporal();
  return Promise.all(
    scheduledPipelines(undefined).map(async ({ name, schedule }) => {
      const present = await describeSchedule(client, name);
      const state = present === undefined ? 'not applied' : present.state.paused ? 'paused' : 'active';
      return {
        pipeline: name,
        cron: schedule!.cron,
        timezone: schedule!.timezone,
        state,
        nextRuns: present === undefined || nextRun(present).nextRun === undefined ? [] : present.info.nextActionTimes.map((time) => time.toISOString()),
        note: present?.state.note ?? '',
      };
    }),
  );
}
