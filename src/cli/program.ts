import { Command } from 'commander';
import type { Act, Verb } from './verb.js';
import { approveVerb } from './verbs/approve.js';
import { backfillVerb } from './verbs/backfill.js';
import { cancelVerb } from './verbs/cancel.js';
import { connectionsVerb } from './verbs/connections.js';
import { doctorVerb } from './verbs/doctor.js';
import { drainVerb } from './verbs/drain.js';
import { failVerb } from './verbs/fail.js';
import { listVerb } from './verbs/list.js';
import { logsVerb } from './verbs/logs.js';
import { newVerb } from './verbs/new.js';
import { pauseVerb } from './verbs/pause.js';
import { poolsVerb } from './verbs/pools.js';
import { quarantineVerb } from './verbs/quarantine.js';
import { rejectVerb } from './verbs/reject.js';
import { resumeVerb } from './verbs/resume.js';
import { retryVerb } from './verbs/retry.js';
import { rerunVerb } from './verbs/rerun.js';
import { runVerb } from './verbs/run.js';
import { runsVerb } from './verbs/runs.js';
import { scheduleVerb } from './verbs/schedule.js';
import { showVerb } from './verbs/show.js';
import { skipVerb } from './verbs/skip.js';
import { sqlVerb } from './verbs/sql.js';
import { statusVerb } from './verbs/status.js';
import { verifyVerb } from './verbs/verify.js';
import { watchVerb } from './verbs/watch.js';

const VERBS: readonly Verb[] = [
  newVerb,
  listVerb,
  showVerb,
  runVerb,
  runsVerb,
  statusVerb,
  watchVerb,
  logsVerb,
  retryVerb,
  skipVerb,
  failVerb,
  pauseVerb,
  resumeVerb,
  drainVerb,
  approveVerb,
  rejectVerb,
  rerunVerb,
  cancelVerb,
  quarantineVerb,
  sqlVerb,
  verifyVerb,
  backfillVerb,
  poolsVerb,
  scheduleVerb,
  connectionsVerb,
  doctorVerb,
];

/** The whole command line. Commander throws instead of ending the process. */
export function createProgram(act: Act): Command {
  const program = new Command('millrace')
    .description('ETL on Temporal: run, watch and schedule pipelines')
    .exitOverride()
    // What stands behind a verb is the verb's: `backfill` and `backfill list` share names of options.
    .enablePositionalOptions()
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError()
    .addHelpText('after', '\nExamples:\n  $ millrace run ecommerce-daily --date 2010-12-01 --watch\n  $ millrace status last\n  $ millrace doctor\n\nExit codes: docs/cli.md');
  for (const verb of VERBS) verb(program, act);
  return program;
}

/** Every verb with its full name: `schedule apply`. */
export function verbsOf(command: Command, prefix = ''): { name: string; command: Command }[] {
  return command.commands.flatMap((child) => {
    const name = `${prefix}${child.name()}`;
    const below = verbsOf(child, `${name} `);
    // `backfill PIPELINE` is a verb of its own beside `backfill list`.
    return below.length === 0 || child.registeredArguments.length > 0 ? [{ name, command: child }, ...below] : below;
  });
}
