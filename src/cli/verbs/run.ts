import { runName } from '../../runs/run-view.js';
import { EXIT_CODES } from '../exit-codes.js';
import { knownPipeline } from '../find-run.js';
import { prepareDemonstration } from '../prepare-demonstration.js';
import { addRunOptions, parseRunOptions } from '../run-options.js';
import { planRun, startRun } from '../start-run.js';
import { webUiLink } from '../temporal-client.js';
import { defineVerb, type Verb } from '../verb.js';
import { watchRun } from '../watch-run.js';

export const runVerb: Verb = (parent, act) => {
  const command = defineVerb(parent, {
    usage: 'run <PIPELINE>',
    summary: 'start a run of a pipeline',
    details:
      'Without a date it is the day before today, in the time zone of its schedule. Of one interval one run can be open at a time; when it has ended, the interval can be run again and replaces what is there.',
    examples: [
      'run ecommerce-daily --date 2010-12-01 --watch',
      'run ecommerce-daily --start 2010-12-01T00:00:00Z --end 2010-12-02T00:00:00Z',
      'run ecommerce-daily --date 2010-12-01 --on-failure hold --hold-for 12h --alerts mail:warning',
      `run ecommerce-daily --date 2010-12-25 --param allowEmpty='["clicks"]'`,
    ],
  });
  addRunOptions(command)
    .option('--date <YYYY-MM-DD>', 'the calendar day')
    .option('--start <time>', 'ISO 8601 with an offset; needs --end')
    .option('--end <time>', 'ISO 8601 with an offset, not included')
    .option('--timezone <zone>', 'in which a day begins and ends, such as Europe/Berlin')
    .option('--param <name=JSON>', 'a parameter of the pipeline; may be repeated', (value: string, before: string[]) => [...before, value], [])
    .option('--watch', 'follow it until it ends; the exit code tells how')
    .action(
      act(async (cli, [name], { json, watch, param, ...typed }) => {
        const pipeline = knownPipeline(name!);
        const options = parseRunOptions(typed);
        const planned = planRun(pipeline, { ...(typed as { date?: string }), params: param as string[] }, new Date());
        const temporal = await cli.temporal();
        await prepareDemonstration(cli, pipeline, planned.interval);
        const ids = await startRun(temporal.client, pipeline, planned, options);
        if (watch) return watchRun(cli, temporal, ids, json === true);

        const webUi = webUiLink(temporal.target, ids);
        if (json) cli.screen.print(JSON.stringify({ pipeline: pipeline.name, interval: planned.interval, ...ids, webUi: webUi ?? null }, undefined, 2));
        else {
          cli.screen.print(`started ${pipeline.name} for ${planned.interval.label}: ${runName(ids)}`);
          if (webUi !== undefined) cli.screen.print(webUi);
          cli.screen.print(`watch it: millrace watch ${ids.workflowId}`);
        }
        return EXIT_CODES.OK;
      }),
    );
};
