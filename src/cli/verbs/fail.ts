import type { StepOrder } from '../../steps/operator-protocol.js';
import { EXIT_CODES } from '../exit-codes.js';
import { giveOrder, oneStep, openRun, operator } from '../operate.js';
import { reportOrder } from '../output/order-text.js';
import { DATE_OPTION, defineVerb, RUN_HELP, STEP_HELP, type Verb } from '../verb.js';

export const failVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'fail <RUN> <STEP>',
    summary: 'end a hold: the step has failed, and the run goes on from there',
    details: `A pipeline that does not catch the failure ends as failed, after its cleanup. ${RUN_HELP} ${STEP_HELP}`,
    examples: ['fail last extract.extractCustomers', 'fail ecommerce-daily-2010-12-01 extractCustomers --why "not today"'],
  })
    .option(...DATE_OPTION)
    .option('--why <reason>', "kept in the run's history")
    .action(
      act(async (cli, [name, wanted], { json, date, why }) => {
        const { client } = await cli.temporal();
        const run = await openRun(client, name!, date);
        const order: StepOrder = { ...operator(why), step: oneStep(run, wanted!).id };
        await giveOrder(client, run, 'fail', order);
        reportOrder(cli.screen, json === true, run, 'fail', order, `${order.step} has failed`);
        return EXIT_CODES.OK;
      }),
    );
};
