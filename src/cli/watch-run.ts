import type { Client } from '@temporalio/client';
import { followToItsEnd, type RunIds } from '../runs/follow-run.js';
import { runName, type RunView } from '../runs/run-view.js';
import type { Cli } from './cli.js';
import { EXIT_CODES, type ExitCode } from './exit-codes.js';
import { exitCodeOfRun } from './find-run.js';
import { createRunPicture } from './output/run-picture.js';
import { renderRun } from './output/run-text.js';
import { webUiLink, type TemporalTarget } from './temporal-client.js';

/**
 * Shows a run until it has ended: a live table on a terminal, a line per change elsewhere, one object at the end for `json`.
 * Ctrl-C ends the watching, not the run.
 */
export async function watchRun(cli: Cli, { client, target }: { client: Client; target: TemporalTarget }, ids: RunIds, json: boolean): Promise<ExitCode> {
  const { screen } = cli;
  const webUi = webUiLink(target, ids);
  const picture = createRunPicture(screen, { webUi, live: screen.interactive && !json, say: json ? () => {} : screen.print });
  let last: RunView | undefined;
  try {
    for await (const view of followToItsEnd(client, ids, cli.interrupted)) {
      last = view;
      picture.show(view);
    }
  } catch (error) {
    if (!cli.interrupted.aborted) throw error;
  } finally {
    picture.done();
  }
  if (cli.interrupted.aborted || last === undefined) {
    const name = runName(ids);
    screen.remark(`stopped watching; the run goes on. See it again: millrace watch ${name}; end it: millrace cancel ${name}`);
    return EXIT_CODES.INTERRUPTED;
  }
  if (json) screen.print(JSON.stringify({ ...last, webUi: webUi ?? null }, undefined, 2));
  else if (!screen.interactive) screen.print(`\n${renderRun(last, screen, { webUi })}`);
  return exitCodeOfRun(last.state);
}
