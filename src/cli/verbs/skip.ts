import type { SkipOrder } from '../../steps/operator-protocol.js';
import { CliError } from '../cli-error.js';
import { EXIT_CODES } from '../exit-codes.js';
import { giveOrder, oneStep, openRun, operator } from '../operate.js';
import { reportOrder } from '../output/order-text.js';
import { DATE_OPTION, defineVerb, RUN_HELP, STEP_HELP, type Verb } from '../verb.js';

export const skipVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'skip <RUN> <STEP>',
    summary: 'take a step as done, with a result that is given by hand',
    details: `Airflow's "mark success". The steps after it get the result as if the step had returned it; without --result they get none. ${RUN_HELP} ${STEP_HELP}`,
    examples: ['skip last removeStaging --why "removed by hand"', `skip ecommerce-daily-2010-12-01 checkOrders --result '[]' --why "known gap, ticket 812"`],
  })
    .option(...DATE_OPTION)
    .option('--result <JSON>', 'what the step is taken to have returned')
    .requiredOption('--why <reason>', "kept in the run's history")
    .action(
      act(async (cli, [name, wanted], { json, date, why, result }) => {
        const given = result === undefined ? {} : { result: parseResult(result as string) };
        const { client } = await cli.temporal();
        const run = await openRun(client, name!, date);
        const order: SkipOrder = { ...operator(why), why: why as string, step: oneStep(run, wanted!).id, ...given };
        await giveOrder(client, run, 'skip', order);
        reportOrder(cli.screen, json === true, run, 'skip', order, `${order.step} is skipped`);
        return EXIT_CODES.OK;
      }),
    );
};

function parseResult(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError(EXIT_CODES.USAGE, 'the value of --result is not JSON', `write it as --result '{"rows":0}', a text as --result '"text"'`, { cause: error });
  }
}
