import { EXIT_CODES } from '../exit-codes.js';
import { giveOrder, openRun, operator } from '../operate.js';
import { orderAll } from '../order-all.js';
import { reportOrder } from '../output/order-text.js';
import { defineVerb, RUN_HELP, DATE_OPTION, runOrAll, type Verb } from '../verb.js';

export const pauseVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'pause [RUN]',
    summary: 'start no new steps of a run, or of all; steps that run go on to their end',
    details: `--all means every open run of the catalog's pipelines; runs that are started later are not paused, and schedules go on (millrace schedule pause). ${RUN_HELP}`,
    examples: ['pause ecommerce-daily-2010-12-01 --why "warehouse is being moved"', 'pause --all'],
  })
    .option(...DATE_OPTION)
    .option('--all', 'every open run')
    .option('--why <reason>', "shown by `status` and kept in the run's history")
    .action(
      act(async (cli, [name], { json, date, why, all }) => {
        const order = operator(why);
        const wanted = runOrAll(name, all);
        if (wanted === 'all') return orderAll(cli, 'pause', order, json === true);
        const { client } = await cli.temporal();
        const run = await openRun(client, wanted.run, date);
        await giveOrder(client, run, 'pause', order);
        reportOrder(cli.screen, json === true, run, 'pause', order, `${run.workflowId} is paused (go on: millrace resume ${run.workflowId})`);
        return EXIT_CODES.OK;
      }),
    );
};
