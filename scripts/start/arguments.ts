import { Command, InvalidArgumentError, Option } from 'commander';
import { CATALOG, findPipeline, type Pipeline } from '../../src/catalog.js';
import { intervalBounds } from '../../src/durable/data-interval.js';

/** What everything runs on. */
const STACKS = ['embedded', 'aws-local'] as const;
export type StackKind = (typeof STACKS)[number];

export interface StartArguments {
  pipeline: Pipeline;
  /** `YYYY-MM-DD`; absent: yesterday for generated data, the first file's day for `--data`. */
  date?: string;
  /** Folder of `YYYY-MM-DD.csv` files in the Online Retail format. */
  data?: string;
  stack: StackKind;
  /** Stop when the run is over. */
  once: boolean;
  /** One JSON object on stdout at the end, and nothing else there. */
  json: boolean;
}

function calendarDay(text: string): string {
  try {
    return intervalBounds({ date: text }, new Date()).label;
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

function pipelineOf(text: string): Pipeline {
  const pipeline = findPipeline(text);
  if (pipeline === undefined) throw new InvalidArgumentError(`There is no pipeline ${text}; there are ${CATALOG.map(({ name }) => name).join(', ')}.`);
  return pipeline;
}

/** `npm start -- --date 2010-12-01`. Prints help or a usage error and exits by itself, with 2 for the latter. */
export function parseArguments(argv: readonly string[]): StartArguments {
  const command = new Command('npm start --')
    .description('Sets everything up on this machine, runs a pipeline for one day and shows what came out.')
    .option('--pipeline <name>', 'one of the catalog (default: ecommerce-daily)', pipelineOf, findPipeline('ecommerce-daily'))
    .option('--date <day>', 'the day to run, YYYY-MM-DD (default: yesterday, or the first day of --data)', calendarDay)
    .option('--data <dir>', 'take the sales from files in the Online Retail format, YYYY-MM-DD.csv, instead of generating them')
    .addOption(new Option('--stack <kind>', 'aws-local: S3, Lambda and Redshift as servers on this machine, spoken to by the AWS clients').choices(STACKS).default('embedded'))
    .option('--once', 'stop when the run is over; exit with 0, or 1 when it failed', false)
    .option('--json', 'print one JSON object at the end and nothing else on stdout', false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .addHelpText(
      'after',
      `
Examples:
  npm start                                              generated data of yesterday; stays up until Ctrl-C
  npm start -- --date 2026-01-31                         another day
  npm start -- --pipeline daily-returns                  another pipeline
  npm start -- --pipeline s3-etl --stack aws-local       on S3, Lambda and Redshift, without an account
  npm start -- --data ./by-day --date 2010-12-01         real files
  npm start --silent -- --once --json                    for scripts`,
    );
  return command.parse(argv, { from: 'user' }).opts<StartArguments>();
}
