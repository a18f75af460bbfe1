import { findRun } from '../find-run.js';
import { DATE_OPTION, defineVerb, RUN_HELP, type Verb } from '../verb.js';
import { watchRun } from '../watch-run.js';

export const watchVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'watch <RUN>',
    summary: 'follow a run until it ends; the exit code tells how',
    details: `${RUN_HELP} On a terminal a live table, elsewhere one line for each change. Ctrl-C stops watching, not the run. --json waits and prints the run once it has ended.`,
    examples: ['watch last', 'watch ecommerce-daily --date 2010-12-01', 'watch last --json > run.json || mail -s failed team@example.com < run.json'],
  })
    .option(...DATE_OPTION)
    .action(
      act(async (cli, [name], { json, date }) => {
        const temporal = await cli.temporal();
        return watchRun(cli, temporal, await findRun(temporal.client, name!, date), json === true);
      }),
    );
};
