import type { Client } from '@temporalio/client';
import { createLogUpdate } from 'log-update';
import { followRun, type RunIds } from '../runs/follow-run.js';
import { runName, type RunView, type StepView } from '../runs/run-view.js';
import type { Cli } from './cli.js';
import { EXIT_CODES, type ExitCode } from './exit-codes.js';
import { exitCodeOfRun } from './find-run.js';
import { formatDuration, formatTime, oneLine } from './output/format.js';
import { renderRun, runTitle } from './output/run-text.js';
import { webUiLink, type TemporalTarget } from './temporal-client.js';

/** Lines of the live picture that are no steps: title, facts, table head, the rest, a failure. */
const OTHER_LINES = 13;

/**
 * Shows a run until it has ended: a live table on a terminal, a line per change elsewhere, one object at the end for `json`.
 * Ctrl-C ends the watching, not the run.
 */
export async function watchRun(cli: Cli, { client, target }: { client: Client; target: TemporalTarget }, ids: RunIds, json: boolean): Promise<ExitCode> {
  const { screen } = cli;
  const webUi = webUiLink(target, ids);
  const picture = screen.interactive && !json ? createLogUpdate(process.stdout) : undefined;
  const changes = createChangeLines(screen.colors);
  let last: RunView | undefined;
  try {
    for await (const view of followRun(client, ids, cli.interrupted)) {
      last = view;
      picture?.(renderRun(view, screen, { webUi, mostSteps: screen.height - OTHER_LINES }));
      if (picture === undefined && !json) for (const line of changes(view)) screen.print(line);
    }
  } catch (error) {
    if (!cli.interrupted.aborted) throw error;
  } finally {
    picture?.done();
  }
  if (cli.interrupted.aborted || last === undefined) {
    const name = runName(ids);
    screen.remark(`stopped watching; the run goes on. See it again: millrace watch ${name}; end it: millrace cancel ${name}`);
    return EXIT_CODES.INTERRUPTED;
  }
  if (json) screen.print(JSON.stringify({ ...last, webUi: webUi ?? null }, undefined, 2));
  else if (picture === undefined) screen.print(`\n${renderRun(last, screen, { webUi })}`);
  return exitCodeOfRun(last.state);
}

/** The lines that tell what has changed since the view before. */
function createChangeLines(colors: Cli['screen']['colors']): (view: RunView) => string[] {
  const known = new Map<string, string>();
  return (view) => {
    const lines = known.size === 0 ? [runTitle(view, colors)] : [];
    known.set('', view.state);
    for (const step of view.steps) {
      const now = `${step.state} ${step.attempts}`;
      if (known.get(step.id) === now) continue;
      known.set(step.id, now);
      if (step.state !== 'waiting') lines.push(stepLine(step));
    }
    if (view.stuck !== undefined && known.get('stuck') !== view.stuck.message) {
      known.set('stuck', view.stuck.message);
      lines.push(`stuck: the workflow's own code fails: ${view.stuck.type}: ${oneLine(view.stuck.message)}`);
    }
    return lines;
  };
}

function stepLine(step: StepView): string {
  const time = formatTime(step.endedAt ?? step.startedAt ?? new Date().toISOString()).slice(11);
  const parts = [
    step.attempts > 1 ? `attempt ${step.attempts}` : '',
    step.rows === undefined ? '' : `${step.rows} rows`,
    step.endedAt === undefined || step.durationMs === undefined ? '' : formatDuration(step.durationMs),
    step.error === undefined || step.state === 'succeeded' ? '' : `${step.error.type}: ${oneLine(step.error.message)}`,
  ].filter((part) => part !== '');
  return `${time}  ${step.id}  ${step.state}${parts.length === 0 ? '' : `  ${parts.join(', ')}`}`;
}
