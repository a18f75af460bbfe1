import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetRef } from '../../datasets/dataset-ref.js';
import { readRun } from '../../runs/follow-run.js';
import type { Cli } from '../cli.js';
import { notFound } from '../cli-error.js';
import { EXIT_CODES } from '../exit-codes.js';
import { findRun, positiveInteger } from '../find-run.js';
import { DATE_OPTION, defineVerb, RUN_HELP, type Verb } from '../verb.js';

interface QuarantinedRow {
  source: string;
  position: string;
  reason: string;
  /** As it came. */
  row: unknown;
}

interface Quarantine {
  counts: { source: string; reason: string; rows: number }[];
  rows: QuarantinedRow[];
}

export const quarantineVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'quarantine <RUN>',
    summary: 'the rows that a run set aside, with reason and position in the source',
    details: `${RUN_HELP} Counts by reason come first.`,
    examples: ['quarantine last', 'quarantine ecommerce-daily --date 2010-12-01 --reason bad_price', "quarantine last --source clicks --json | jq '.rows[].row'"],
  })
    .option(...DATE_OPTION)
    .option('--source <name>', 'of this source only')
    .option('--reason <reason>', 'with this reason only')
    .option('--limit <n>', 'at most so many rows', '50')
    .action(
      act(async (cli, [name], { json, date, source, reason, limit }) => {
        const most = positiveInteger('--limit', limit);
        const { client } = await cli.temporal();
        const { quarantine, workflowId } = await readRun(client, await findRun(client, name!, date));
        if (quarantine === undefined) throw notFound(`${workflowId} has set no rows aside yet`, `see millrace status ${workflowId}`);
        const found = await readQuarantine(cli, quarantine, { source, reason }, most);
        const { screen } = cli;
        if (json) screen.print(JSON.stringify(found, undefined, 2));
        else if (found.counts.length === 0) screen.remark('no quarantined rows that match');
        else {
          const counts = found.counts.map((count) => [count.source, count.reason, String(count.rows)]);
          screen.print(screen.table([{ head: 'SOURCE' }, { head: 'REASON' }, { head: 'ROWS', align: 'right' }], counts));
          const rows = found.rows.map((row) => [row.reason, row.source, row.position, JSON.stringify(row.row)]);
          screen.print(`\n${screen.table([{ head: 'REASON' }, { head: 'SOURCE' }, { head: 'POSITION', shrinksTo: 10 }, { head: 'ROW', shrinksTo: 10 }], rows)}`);
          const all = found.counts.reduce((sum, count) => sum + count.rows, 0);
          if (all > rows.length) screen.remark(`${all - rows.length} more: raise --limit, or choose with --source and --reason`);
        }
        return EXIT_CODES.OK;
      }),
    );
};

async function readQuarantine(cli: Cli, ref: DatasetRef, wanted: { source: unknown; reason: unknown }, limit: number): Promise<Quarantine> {
  const { readText, sqlFiles, sqlString, withScratchDatabase } = await import('../../duckdb/duckdb.js');
  const lake = (await cli.adapters()).lake();
  const limits = cli.limits();
  await mkdir(limits.scratchDir, { recursive: true });
  const folder = await mkdtemp(join(limits.scratchDir, 'quarantine-'));
  try {
    const file = await lake.localFile(lake.keyOf(ref.uri), folder, { signal: cli.interrupted });
    const conditions = Object.entries(wanted).flatMap(([column, value]) => (typeof value === 'string' ? [`${column} = ${sqlString(value)}`] : []));
    const from = `FROM read_parquet(${sqlFiles([file])}) ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}`;
    return await withScratchDatabase({ ...limits, scratchDir: folder }, async (db) => {
      const counts = await readText(db, `SELECT source, reason, count(*) ${from} GROUP BY ALL ORDER BY source DESC, count(*) DESC, reason`);
      const rows = await readText(db, `SELECT source, position, reason, CAST(row AS VARCHAR) ${from} ORDER BY source DESC, try_cast(position AS BIGINT), position LIMIT ${limit}`);
      return {
        counts: counts.map(([source, reason, count]) => ({ source: source!, reason: reason!, rows: Number(count) })),
        rows: rows.map(([source, position, reason, row]) => ({ source: source!, position: position!, reason: reason!, row: parseRow(row) })),
      };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function parseRow(text: string | null | undefined): unknown {
  if (text == null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
