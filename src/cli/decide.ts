import { stepsNamed } from '../runs/find-step.js';
import type { Decision } from '../steps/operator-protocol.js';
import type { Cli } from './cli.js';
import { giveOrder, openRun, operator } from './operate.js';
import { reportOrder } from './output/order-text.js';
import { usageError } from './cli-error.js';
import { EXIT_CODES, type ExitCode } from './exit-codes.js';

/** Takes a decision that a run waits for. The run itself refuses a name that it does not wait for, with those that it does. */
export async function decide(cli: Cli, verdict: 'approve' | 'reject', [run, name]: readonly string[], { json, date, why }: Readonly<Record<string, unknown>>): Promise<ExitCode> {
  const { client } = await cli.temporal();
  const view = await openRun(client, run!, date);
  const named = stepsNamed(view.steps.filter(({ kind }) => kind === 'approval'), name!);
  if (named.length > 1) throw usageError(`${name} is the end of ${named.map(({ id }) => id).join(', ')}`, 'give more of the one that you mean');
  const decision: Decision = { ...operator(why), name: named[0]?.id ?? name! };
  await giveOrder(client, view, verdict, decision);
  reportOrder(cli.screen, json === true, view, verdict, decision, `${decision.name} is ${verdict === 'approve' ? 'approved' : 'rejected'}`);
  return EXIT_CODES.OK;
}
