import { readRun } from '../../runs/follow-run.js';
import { EXIT_CODES } from '../exit-codes.js';
import { findRun } from '../find-run.js';
import { renderRun } from '../output/run-text.js';
import { webUiLink } from '../temporal-client.js';
import { DATE_OPTION, defineVerb, RUN_HELP, type Verb } from '../verb.js';

export const statusVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'status <RUN>',
    summary: 'how a run stands, step by step',
    details: `${RUN_HELP} Read from Temporal; what only the run itself knows (holds, approvals, branches that were not taken, who paused it) is asked of its worker, for two seconds at most. On a terminal with bars: full where a step ran, shaded where it waited. The exit code is 0 whatever the run's state.`,
    examples: ['status last', 'status ecommerce-daily --date 2010-12-01', "status last --json | jq '.steps[] | {id, state, rows}'"],
  })
    .option(...DATE_OPTION)
    .action(
      act(async (cli, [name], { json, date }) => {
        const { client, target } = await cli.temporal();
        const run = await readRun(client, await findRun(client, name!, date), { ask: true });
        const webUi = webUiLink(target, run);
        cli.screen.print(json ? JSON.stringify({ ...run, webUi: webUi ?? null }, undefined, 2) : renderRun(run, cli.screen, { webUi }));
        return EXIT_CODES.OK;
      }),
    );
};
