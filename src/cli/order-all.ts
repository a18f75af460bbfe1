import type { Client } from '@temporalio/client';
import pMap from 'p-map';
import { listRuns } from '../runs/list-runs.js';
import type { Operator } from '../steps/operator-protocol.js';
import type { Cli } from './cli.js';
import { toCliError } from './cli-error.js';
import { EXIT_CODES, type ExitCode } from './exit-codes.js';
import { giveOrder } from './operate.js';

const AT_A_TIME = 10;

interface Outcome {
  workflowId: string;
  runId: string;
  /** `refused`: the run is so already, or has just ended. */
  outcome: 'done' | 'refused' | 'unreachable';
  message?: string;
}

/** Pauses or resumes every open run of the catalog's pipelines; the exit code is 1 when one of them could not be reached. */
export async function orderAll(cli: Cli, order: 'pause' | 'resume', details: Operator, json: boolean): Promise<ExitCode> {
  const { client } = await cli.temporal();
  const runs = await listRuns(client, { state: 'running', limit: Infinity });
  const outcomes = await pMap(runs, (run) => orderOne(client, run, order, details), { concurrency: AT_A_TIME });
  const { screen } = cli;
  if (json) screen.print(JSON.stringify(outcomes, undefined, 2));
  else if (outcomes.length === 0) screen.remark('no run is open');
  else screen.print(screen.table([{ head: 'RUN', shrinksTo: 20 }, { head: order.toUpperCase() }, { head: 'NOTE', shrinksTo: 8 }], outcomes.map(({ workflowId, outcome, message }) => [workflowId, outcome, message ?? ''])));
  return outcomes.some(({ outcome }) => outcome === 'unreachable') ? EXIT_CODES.FAILED : EXIT_CODES.OK;
}

async function orderOne(client: Client, { workflowId, runId }: { workflowId: string; runId: string }, order: 'pause' | 'resume', details: Operator): Promise<Outcome> {
  try {
    await giveOrder(client, { workflowId, runId }, order, details);
    return { workflowId, runId, outcome: 'done' };
  } catch (error) {
    const { exitCode, message } = toCliError(error, undefined);
    return { workflowId, runId, outcome: exitCode === EXIT_CODES.CONFLICT ? 'refused' : 'unreachable', message };
  }
}
