import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { NoSuchStep, UndisturbedRunFailed, verifyPipeline } from '../../verify/verify-pipeline.js';
import { isSame, type KillOutcome, type VerifyReport } from '../../verify/verify-report.js';
import type { Cli } from '../cli.js';
import { CliError, usageError } from '../cli-error.js';
import { EXIT_CODES } from '../exit-codes.js';
import { knownEndingPipeline, positiveInteger } from '../find-run.js';
import { formatDuration } from '../output/format.js';
import type { Colors } from '../output/screen.js';
import { prepareDemonstration } from '../prepare-demonstration.js';
import { planRun } from '../start-run.js';
import { defineVerb, type Verb } from '../verb.js';

export const verifyVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'verify <PIPELINE>',
    summary: 'kills the worker in every step, and compares the published tables',
    details:
      'Runs the pipeline once undisturbed, then kills its worker with SIGKILL at the start, in the middle and at the end of every step, each time from empty tables. ' +
      'It reads the configured sources, and writes to a temporary lake and a temporary DuckDB warehouse only; alerts go nowhere. The exit code is 1 when any table differs.',
    examples: ['verify ecommerce-daily', 'verify ecommerce-daily --date 2010-12-01 --parallel 2', 'verify s3-etl --step loadSales --step publishSales', "verify ecommerce-daily --json | jq '.kills[] | select(.outcome != \"same\")'"],
  })
    .option('--date <YYYY-MM-DD>', 'the calendar day')
    .option('--param <name=JSON>', 'a parameter of the pipeline; may be repeated', (value: string, before: string[]) => [...before, value], [])
    .option('--step <STEP>', 'kill in this step only; may be repeated', (value: string, before: string[] | undefined) => [...(before ?? []), value])
    .option('--parallel <n>', 'runs at the same time, each with a worker of its own', '3')
    .option('--keep', 'leave runs, tables and worker logs to be looked at')
    .action(
      act(async (cli, [name], { json, date, param, step, parallel, keep }) => {
        const pipeline = knownEndingPipeline(name!);
        if (pipeline.publishes.length === 0) throw usageError(`${pipeline.name} publishes no table that could be compared`, 'name its tables in src/catalog.ts');
        const planned = planRun(pipeline, { ...(date === undefined ? {} : { date: date as string }), params: param as string[] }, new Date());
        const concurrency = positiveInteger('--parallel', parallel);
        const { client } = await cli.temporal();
        await prepareDemonstration(cli, pipeline, planned.interval);

        // DuckDB takes longer to load than most verbs to run.
        const { openVerifyStage } = await import('../verify-stage.js');
        const id = `verify-${randomBytes(3).toString('hex')}`;
        const folder = await mkdtemp(join(tmpdir(), 'millrace-verify-'));
        const limits = { ...cli.limits(), scratchDir: join(folder, 'scratch') };
        const workflowIds: string[] = [];
        cli.screen.remark(`sources are read as configured; everything is written below ${folder}`);
        try {
          const report = await verifyPipeline({
            client,
            workflow: pipeline.workflow,
            params: planned.params,
            id,
            openStage(workflowId) {
              workflowIds.push(workflowId);
              return openVerifyStage(cli, pipeline, folder, workflowId, limits);
            },
            ...(step === undefined ? {} : { steps: step as string[] }),
            parallel: concurrency,
            say: cli.screen.remark,
            signal: cli.interrupted,
          });
          cli.screen.print(json ? JSON.stringify({ pipeline: pipeline.name, interval: planned.interval, same: isSame(report), ...report }, undefined, 2) : render(report, cli));
          return isSame(report) ? EXIT_CODES.OK : EXIT_CODES.FAILED;
        } catch (error) {
          if (error instanceof NoSuchStep) throw usageError(error.message, `try millrace verify ${pipeline.name} --step with one of them`);
          if (!(error instanceof UndisturbedRunFailed)) throw error;
          throw new CliError(EXIT_CODES.FAILED, `${pipeline.name} ${planned.interval.label} fails without being disturbed: ${error.message}`, `try millrace run ${pipeline.name} --date ${planned.interval.label} --watch`, { cause: error });
        } finally {
          if (keep) cli.screen.remark(`kept: runs ${id}-…, tables and worker logs in ${folder}`);
          else await removeTraces(client, workflowIds, folder);
        }
      }),
    );
};

/** What these runs have left in Temporal and on the disk. */
async function removeTraces(client: Client, workflowIds: readonly string[], folder: string): Promise<void> {
  const { namespace } = client.options;
  // One that was never started, or is gone already, is as good.
  await Promise.allSettled(workflowIds.map((workflowId) => client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId } })));
  await rm(folder, { recursive: true, force: true });
}

const COLUMNS = [
  { head: 'STEP', shrinksTo: 16 },
  { head: 'KILLED' },
  { head: 'TAKEN UP AFTER', align: 'right' as const },
  { head: 'ATTEMPTS', align: 'right' as const },
  { head: 'TABLES' },
  { head: 'NOTE', shrinksTo: 8 },
];

const WORDS: Record<KillOutcome, string> = { same: 'same', different: 'DIFFERENT', failed: 'run failed', 'not-ended': 'run hangs', unreached: 'too short' };

function render(report: VerifyReport, { screen }: Cli): string {
  const rows = report.kills.map(({ step, place, outcome, takenUpAfterMs, attempts, note }) => [
    step,
    place,
    takenUpAfterMs === undefined ? '' : formatDuration(takenUpAfterMs),
    String(attempts),
    { text: WORDS[outcome], paint: paintOf(outcome, screen.colors) },
    note ?? '',
  ]);
  const tables = Object.entries(report.tables).map(([table, { rows: count }]) => `${table} ${count} rows`);
  const bad = report.kills.filter(({ outcome }) => outcome !== 'same' && outcome !== 'unreached').length;
  const verdict = bad === 0 ? screen.colors.green('the tables are the same each time') : screen.colors.red(`${bad} of ${report.kills.length} kills change what is published, or end the run`);
  return [screen.table(COLUMNS, rows), '', tables.join(', '), `${report.kills.length} kills in ${report.runs} runs, ${formatDuration(report.durationMs)}: ${verdict}`].join('\n');
}

function paintOf(outcome: KillOutcome, colors: Colors): (text: string) => string {
  if (outcome === 'same') return colors.green;
  return outcome === 'unreached' ? colors.dim : colors.red;
}
