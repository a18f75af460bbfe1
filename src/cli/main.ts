#!/usr/bin/env node
import '../quiet-aws.js';
import { CommanderError, type Command } from 'commander';
import { createCli, type Cli } from './cli.js';
import { toCliError, usageError, type CliError } from './cli-error.js';
import { EXIT_CODES, type ExitCode } from './exit-codes.js';
import { oneLine } from './output/format.js';
import { createProgram } from './program.js';
import type { Act } from './verb.js';

async function main(): Promise<ExitCode> {
  const argv = process.argv.slice(2);
  const debug = argv.includes('--debug') || process.env['MILLRACE_DEBUG'] === '1';
  let exitCode: ExitCode = EXIT_CODES.OK;
  let cli: Cli | undefined;
  const act: Act = (work) => async (...args) => {
    const command = args.at(-1) as Command;
    cli = createCli(process, interruption());
    exitCode = await work(cli, command.processedArgs as string[], command.opts());
  };
  try {
    await createProgram(act).parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT_CODES.OK;
    const shown = error instanceof CommanderError ? usageProblem(error, argv) : toCliError(error, await addressOf(cli));
    process.stderr.write(`millrace: ${redacted(cli, oneLine(shown.message))} — ${oneLine(shown.remedy)}\n`);
    if (debug) process.stderr.write(`${redacted(cli, stackOf(error))}\n`);
    return shown.exitCode;
  } finally {
    await cli?.close();
  }
}

function usageProblem(error: CommanderError, argv: readonly string[]): CliError {
  const verb = argv.filter((word) => !word.startsWith('-')).slice(0, argv[0] === 'schedule' || argv[0] === 'connections' ? 2 : 1).join(' ');
  const help = error.code === 'commander.unknownCommand' || verb === '' ? 'millrace --help' : `millrace ${verb} --help`;
  // Without a verb commander prints the help and fails with this message.
  const message = error.message === '(outputHelp)' ? 'there is no verb' : error.message.replace(/^error: /, '');
  return usageError(message, `see ${help}`);
}

/** The first Ctrl-C asks the verb to end, the second one ends the process. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => {
    controller.abort();
    process.once('SIGINT', () => process.exit(EXIT_CODES.INTERRUPTED));
  });
  return controller.signal;
}

async function addressOf(cli: Cli | undefined): Promise<string | undefined> {
  return cli?.temporalTarget().then(({ address }) => address, () => undefined);
}

/** An error may quote what it was given. */
function redacted(cli: Cli | undefined, text: string): string {
  return cli === undefined ? text : cli.connections().redact(text);
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? (error.stack ?? error.message) : `${error.stack}\ncaused by ${stackOf(error.cause)}`;
}

// The reader of a pipe may leave early (`millrace runs | head -1`): nothing is wrong then.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT_CODES.OK : EXIT_CODES.INTERNAL));

process.exitCode = await main();
