import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { createLogUpdate } from 'log-update';
import { readBackfill, type BackfillView } from '../backfills/backfills.js';
import type { Cli } from './cli.js';
import { EXIT_CODES, type ExitCode } from './exit-codes.js';
import { countsLine, renderBackfill } from './output/backfill-text.js';

const LOOK_AGAIN_MS = 1000;

/**
 * Shows a backfill until it has ended: a live picture on a terminal, a line per change elsewhere, one object at the end for `json`.
 * Ctrl-C ends the watching, not the backfill.
 */
export async function watchBackfill({ screen, interrupted }: Cli, client: Client, workflowId: string, json: boolean): Promise<ExitCode> {
  const picture = screen.interactive && !json ? createLogUpdate(process.stdout) : undefined;
  let view: BackfillView;
  let said = '';
  for (;;) {
    view = await readBackfill(client, workflowId);
    if (view.endedAt !== undefined) break;
    const line = `${view.state}: ${countsLine(view)}`;
    if (picture !== undefined) picture(renderBackfill(view, screen));
    else if (!json && line !== said) screen.print(line);
    said = line;
    await delay(LOOK_AGAIN_MS, undefined, { signal: interrupted }).catch(() => undefined);
    if (interrupted.aborted) {
      picture?.done();
      screen.remark(`stopped watching; the backfill goes on. See it again: millrace backfill watch ${workflowId}; end it: millrace backfill cancel ${workflowId}`);
      return EXIT_CODES.INTERRUPTED;
    }
  }
  picture?.clear();
  screen.print(json ? JSON.stringify(view, undefined, 2) : renderBackfill(view, screen));
  return view.state === 'completed' ? EXIT_CODES.OK : EXIT_CODES.FAILED;
}
