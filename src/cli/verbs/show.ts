import { readRun } from '../../runs/follow-run.js';
import { listRuns } from '../../runs/list-runs.js';
import { describeSchedule, nextRun } from '../../schedules/apply-schedules.js';
import { EXIT_CODES } from '../exit-codes.js';
import { knownPipeline } from '../find-run.js';
import { formatTime } from '../output/format.js';
import { renderRun } from '../output/run-text.js';
import { webUiLink } from '../temporal-client.js';
import { defineVerb, type Verb } from '../verb.js';

export const showVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'show <PIPELINE>',
    summary: 'what a pipeline does, needs and publishes, and its last run',
    examples: ['show ecommerce-daily', "show ecommerce-daily --json | jq '.pipeline.parameters'"],
  }).action(
    act(async (cli, [name], { json }) => {
      const pipeline = knownPipeline(name!);
      const { screen } = cli;
      const { client, target } = await cli.temporal();
      const [present, [last]] = await Promise.all([describeSchedule(client, pipeline.name), listRuns(client, { pipeline: pipeline.name, limit: 1 })]);
      const lastRun = last === undefined ? undefined : await readRun(client, last);
      const schedule = { applied: present !== undefined, paused: present?.state.paused ?? false, nextRun: (present && nextRun(present).nextRun) ?? null };
      if (json) {
        screen.print(JSON.stringify({ pipeline, schedule, lastRun: lastRun ?? null }, undefined, 2));
        return EXIT_CODES.OK;
      }
      const times = pipeline.schedule === undefined ? 'by hand only' : `${pipeline.schedule.cron} in ${pipeline.schedule.timezone}`;
      const state = !schedule.applied ? 'not applied (millrace schedule apply)' : schedule.paused ? 'paused' : `next ${formatTime(schedule.nextRun ?? undefined)}`;
      const facts: [string, string][] = [
        ['Owner', pipeline.owner],
        ['Schedule', pipeline.schedule === undefined ? times : `${times}, ${state}`],
        ['Workflow', `${pipeline.workflow} on task queue ${pipeline.taskQueue}`],
        ['Needs', pipeline.connections.map((connection) => `MILLRACE_CONN_${connection}`).join(' ')],
        ['Publishes', pipeline.publishes.join(', ')],
        ['Parameters', '--date, or --start and --end; --timezone'],
        ...pipeline.parameters.map(({ name: parameter, example, description }): [string, string] => ['', `--param ${parameter}='${example}'  ${description}`]),
      ];
      screen.print([`${screen.colors.bold(pipeline.name)}  ${pipeline.description}`, ...facts.map(([fact, value]) => `${fact.padEnd(12)}${value}`)].join('\n'));
      screen.print(lastRun === undefined ? `\nnever run; millrace run ${pipeline.name} --watch` : `\nLast run: ${renderRun(lastRun, screen, { webUi: webUiLink(target, lastRun) })}`);
      return EXIT_CODES.OK;
    }),
  );
};
