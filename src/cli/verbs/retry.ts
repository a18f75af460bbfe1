import type { StepOrder } from '../../steps/operator-protocol.js';
import { CliError } from '../cli-error.js';
import { EXIT_CODES } from '../exit-codes.js';
import { giveOrder, oneStep, openRun, operator } from '../operate.js';
import { reportOrder } from '../output/order-text.js';
import { DATE_OPTION, defineVerb, RUN_HELP, STEP_HELP, type Verb } from '../verb.js';

export const retryVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'retry <RUN> <STEP>',
    summary: 'run a step now that is held or waits for its next attempt',
    details: `Its attempts start again. A step that runs at this moment cannot be retried. ${RUN_HELP} ${STEP_HELP}`,
    examples: ['retry last extract.extractCustomers', 'retry ecommerce-daily-2010-12-01 extractCustomers --why "API is back"'],
  })
    .option(...DATE_OPTION)
    .option('--why <reason>', "kept in the run's history")
    .action(
      act(async (cli, [name, wanted], { json, date, why }) => {
        const { client } = await cli.temporal();
        const run = await openRun(client, name!, date);
        const step = oneStep(run, wanted!);
        if (step.state === 'running') throw new CliError(EXIT_CODES.CONFLICT, `${step.id} runs at this moment: there is nothing to retry`, `see it: millrace watch ${run.workflowId}`);
        const order: StepOrder = { ...operator(why), step: step.id };
        await giveOrder(client, run, 'retry', order);
        reportOrder(cli.screen, json === true, run, 'retry', order, `${step.id} runs now`);
        return EXIT_CODES.OK;
      }),
    );
};
