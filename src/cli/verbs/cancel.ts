import { readRun } from '../../runs/follow-run.js';
import { hasEnded, runName } from '../../runs/run-view.js';
import { EXIT_CODES } from '../exit-codes.js';
import { findRun } from '../find-run.js';
import { DATE_OPTION, defineVerb, RUN_HELP, type Verb } from '../verb.js';

export const cancelVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'cancel <RUN>',
    summary: 'cancel a run: its running steps stop, and its cleanup runs',
    details: `${RUN_HELP} Returns when Temporal has taken the request; the run ends when its steps have heard of it and its cleanup is done. Cancelling a run that has ended changes nothing.`,
    examples: ['cancel ecommerce-daily-2010-12-01', 'cancel last --why "wrong day"'],
  })
    .option(...DATE_OPTION)
    .option('--why <reason>', "kept in the run's history")
    .action(
      act(async (cli, [name], { json, date, why }) => {
        const { client } = await cli.temporal();
        const ids = await findRun(client, name!, date);
        const { state, ...run } = await readRun(client, ids);
        const requested = !hasEnded({ state });
        if (requested) {
          await client.workflowService.requestCancelWorkflowExecution({
            namespace: client.options.namespace,
            workflowExecution: ids,
            identity: client.options.identity,
            reason: typeof why === 'string' ? why : 'cancelled with the millrace command',
          });
        }
        if (json) cli.screen.print(JSON.stringify({ ...ids, requested, state }, undefined, 2));
        else if (requested) cli.screen.print(`asked ${runName(run)} to cancel; see it end: millrace watch ${run.workflowId}`);
        else cli.screen.print(`${runName(run)} has ended before: ${state}`);
        return EXIT_CODES.OK;
      }),
    );
};
