import type { Command } from 'commander';
import type { Cli } from './cli.js';
import { usageError } from './cli-error.js';
import type { ExitCode } from './exit-codes.js';

/** How a verb is offered; `examples` are complete command lines without `millrace`. */
export interface VerbHelp {
  /** `runs [PIPELINE]` */
  usage: string;
  summary: string;
  /** A paragraph for `--help`. */
  details?: string;
  examples: readonly string[];
}

/** Runs the verb: gives it the command line's arguments and options, and returns its exit code. */
export type Act = (work: (cli: Cli, args: readonly string[], options: Readonly<Record<string, unknown>>) => Promise<ExitCode>) => (...args: unknown[]) => Promise<void>;

/** A file of `verbs/` exports one of these. */
export type Verb = (parent: Command, act: Act) => void;

export function defineVerb(parent: Command, { usage, summary, details, examples }: VerbHelp): Command {
  return parent
    .command(usage)
    .summary(summary)
    .description(details === undefined ? summary : `${summary}\n\n${details}`)
    .option('--json', 'print one JSON value and nothing else on stdout')
    .option('--debug', 'print the stack of an error')
    .addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ millrace ${example}`).join('\n')}`);
}

/** For every verb that takes a run. */
export const RUN_HELP =
  'RUN is a workflow id (ecommerce-daily-2010-12-01), a workflow id and a run id with a slash between them, a run id, ' +
  'a pipeline (its newest run, or that of --date), or `last`.';

export const STEP_HELP = "STEP is a step's id (extract.extractSales) or the end of it (extractSales).";

export const DATE_OPTION = ['--date <YYYY-MM-DD>', 'of a pipeline: the run of this day'] as const;

/** For verbs that take either one run or `--all`. */
export function runOrAll(run: string | undefined, all: unknown): 'all' | { run: string } {
  if ((run === undefined) !== (all === true)) throw usageError('give either a RUN or --all', 'see millrace runs --state running');
  return run === undefined ? 'all' : { run };
}
