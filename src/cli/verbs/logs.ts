import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { matchesStep } from '../../runs/find-step.js';
import { readRun, type RunIds } from '../../runs/follow-run.js';
import { createLogReader, LOG_LEVELS } from '../../runs/run-logs.js';
import type { LogRecord } from '../../steps/log-format.js';
import type { Cli } from '../cli.js';
import { notFound, usageError } from '../cli-error.js';
import { EXIT_CODES } from '../exit-codes.js';
import { findRun, nearest, positiveInteger } from '../find-run.js';
import { oneLine } from '../output/format.js';
import type { Colors } from '../output/screen.js';
import { DATE_OPTION, defineVerb, RUN_HELP, type Verb } from '../verb.js';

const POLL_MS = 1000;

export const logsVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'logs <RUN> [STEP]',
    summary: 'what the steps of a run have logged',
    details: `${RUN_HELP} STEP is a step's id, the end of it, or a group. Read from the object store (MILLRACE_CONN_LAKE), so that it does not matter where the workers are. With --json, one object a line.`,
    examples: ['logs last', 'logs ecommerce-daily-2010-12-01 extract.extractSales --attempt 2', 'logs last --follow --level warn'],
  })
    .option(...DATE_OPTION)
    .option('--attempt <n>', 'of this attempt only')
    .option('--level <level>', `at least: ${LOG_LEVELS.join(', ')}`, 'debug')
    .option('--follow', 'go on until the run has ended')
    .action(
      act(async (cli, [name, step], { json, date, attempt, level, follow }) => {
        if (!isLevel(level)) throw usageError(`--level ${String(level)} is unknown`, `use one of ${LOG_LEVELS.join(', ')}`);
        const number = attempt === undefined ? undefined : positiveInteger('--attempt', attempt);
        const { client } = await cli.temporal();
        const ids = await findRun(client, name!, date);
        if (step !== undefined && follow !== true) await expectStep(client, ids, step);
        const reader = createLogReader((await cli.adapters()).lake(), ids, { level, ...(step === undefined ? {} : { step }), ...(number === undefined ? {} : { attempt: number }) });

        let printed = 0;
        const print = async (): Promise<void> => {
          for (const record of await reader.next()) {
            printed += 1;
            cli.screen.print(json ? JSON.stringify(record) : logLine(record, cli.screen.colors));
          }
        };
        await print();
        if (follow === true && !(await followLogs(cli, client, ids, print))) return EXIT_CODES.INTERRUPTED;
        if (printed === 0) cli.screen.remark('nothing logged yet that matches');
        return EXIT_CODES.OK;
      }),
    );
};

/** Prints until the run has ended; false when the reader was interrupted. */
async function followLogs(cli: Cli, client: Client, ids: RunIds, print: () => Promise<void>): Promise<boolean> {
  const pause = () => delay(POLL_MS, undefined, { signal: cli.interrupted }).catch(() => undefined);
  while (!cli.interrupted.aborted) {
    const { status } = await client.workflow.getHandle(ids.workflowId, ids.runId).describe();
    // A worker stores its last lines up to a moment after the run's end.
    await pause();
    await print();
    if (status.name !== 'RUNNING') return true;
  }
  return false;
}

async function expectStep(client: Client, ids: RunIds, step: string): Promise<void> {
  const { steps } = await readRun(client, ids);
  if (steps.some(({ id }) => matchesStep(id, step))) return;
  const near = nearest(step, steps.flatMap(({ id, activity }) => [id, activity]));
  throw notFound(`the run has no step ${step}`, near === undefined ? `see millrace status ${ids.workflowId}` : `did you mean ${near}?`);
}

function logLine(record: LogRecord, colors: Colors): string {
  const paint = record.level === 'error' ? colors.red : record.level === 'warn' ? colors.yellow : record.level === 'info' ? (text: string) => text : colors.dim;
  const attributes = record.attributes === undefined || Object.keys(record.attributes).length === 0 ? '' : ` ${colors.dim(JSON.stringify(record.attributes))}`;
  return `${colors.dim(record.time.slice(11, 23))} ${paint(record.level.padEnd(5))} ${record.step}${record.attempt > 1 ? `[${record.attempt}]` : ''}  ${oneLine(record.message)}${attributes}`;
}

function isLevel(text: unknown): text is LogRecord['level'] {
  return LOG_LEVELS.includes(text as LogRecord['level']);
}
