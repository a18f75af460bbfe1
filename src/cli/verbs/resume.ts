import { EXIT_CODES } from '../exit-codes.js';
import { giveOrder, openRun, operator } from '../operate.js';
import { orderAll } from '../order-all.js';
import { reportOrder } from '../output/order-text.js';
import { DATE_OPTION, defineVerb, RUN_HELP, runOrAll, type Verb } from '../verb.js';

export const resumeVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'resume [RUN]',
    summary: 'go on with a paused run, or with all',
    details: `A step that is held stays so: millrace retry. ${RUN_HELP}`,
    examples: ['resume ecommerce-daily-2010-12-01', 'resume --all'],
  })
    .option(...DATE_OPTION)
    .option('--all', 'every open run')
    .option('--why <reason>', "kept in the run's history")
    .action(
      act(async (cli, [name], { json, date, why, all }) => {
        const order = operator(why);
        const wanted = runOrAll(name, all);
        if (wanted === 'all') return orderAll(cli, 'resume', order, json === true);
        const { client } = await cli.temporal();
        const run = await openRun(client, wanted.run, date);
        await giveOrder(client, run, 'resume', order);
        reportOrder(cli.screen, json === true, run, 'resume', order, `${run.workflowId} goes on`);
        return EXIT_CODES.OK;
      }),
    );
};
