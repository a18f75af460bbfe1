import { decide } from '../decide.js';
import { DATE_OPTION, defineVerb, RUN_HELP, type Verb } from '../verb.js';

export const rejectVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'reject <RUN> <NAME>',
    summary: 'say no to what a run waits for: the run fails, unless the pipeline has another way',
    details: `NAME is that of the approval, as millrace status shows it. ${RUN_HELP}`,
    examples: ['reject last promote --why "worse for new customers"'],
  })
    .option(...DATE_OPTION)
    .requiredOption('--why <reason>', "kept in the run's history")
    .action(act((cli, args, options) => decide(cli, 'reject', args, options)));
};
