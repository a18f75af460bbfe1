import { CATALOG } from '../../catalog.js';
import { listRuns } from '../../runs/list-runs.js';
import { describeSchedule, nextRun } from '../../schedules/apply-schedules.js';
import { EXIT_CODES } from '../exit-codes.js';
import { formatTime } from '../output/format.js';
import { paintState } from '../output/paint-state.js';
import { defineVerb, type Verb } from '../verb.js';

export const listVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'list',
    summary: 'every pipeline with its schedule, next run and last run',
    examples: ['list', "list --json | jq -r '.[].name'"],
  }).action(
    act(async (cli, _args, { json }) => {
      const { client } = await cli.temporal();
      const pipelines = await Promise.all(
        CATALOG.map(async ({ name, description, owner, schedule }) => {
          const [present, [last]] = await Promise.all([describeSchedule(client, name), listRuns(client, { pipeline: name, limit: 1 })]);
          const state = schedule === undefined ? 'none' : present === undefined ? 'not applied' : present.state.paused ? 'paused' : 'active';
          return { name, description, owner, schedule: schedule ?? null, scheduleState: state, nextRun: (present && nextRun(present).nextRun) ?? null, lastRun: last ?? null };
        }),
      );
      if (json) cli.screen.print(JSON.stringify(pipelines, undefined, 2));
      else {
        const { screen } = cli;
        const rows = pipelines.map(({ name, schedule, scheduleState, nextRun, lastRun, description }) => [
          name,
          schedule === null ? 'by hand' : `${schedule.cron} ${schedule.timezone}`,
          nextRun === null ? scheduleState : formatTime(nextRun),
          lastRun === null ? 'never' : { text: `${lastRun.state} ${lastRun.interval ?? ''}`, paint: paintState(screen.colors, lastRun.state) },
          description,
        ]);
        const columns = [{ head: 'PIPELINE' }, { head: 'SCHEDULE' }, { head: 'NEXT RUN' }, { head: 'LAST RUN', shrinksTo: 9 }, { head: 'DESCRIPTION', shrinksTo: 0 }];
        screen.print(screen.table(columns, rows));
      }
      return EXIT_CODES.OK;
    }),
  );
};
