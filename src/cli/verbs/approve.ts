import { decide } from '../decide.js';
import { DATE_OPTION, defineVerb, RUN_HELP, type Verb } from '../verb.js';

export const approveVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'approve <RUN> <NAME>',
    summary: 'say yes to what a run waits for',
    details: `NAME is that of the approval, as millrace status shows it. ${RUN_HELP}`,
    examples: ['approve last promote', 'approve train-model-2026-11-20 promote --why "better on every segment"'],
  })
    .option(...DATE_OPTION)
    .option('--why <reason>', "kept in the run's history")
    .action(act((cli, args, options) => decide(cli, 'approve', args, options)));
};
