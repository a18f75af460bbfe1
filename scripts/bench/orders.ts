import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { createCheckOrders } from '../../activities/ecommerce-daily/check-orders.js';
import { createCleanAndJoin, type OrderSources } from '../../activities/ecommerce-daily/clean-and-join.js';
import { ORDERS, REVENUE_BY_CATEGORY, REVENUE_BY_COUNTRY } from '../../activities/ecommerce-daily/order-tables.js';
import { createPublishOrders } from '../../activities/ecommerce-daily/publish-orders.js';
import { createRemoveStaging } from '../../activities/ecommerce-daily/remove-staging.js';
import { createStageOrders } from '../../activities/ecommerce-daily/stage-orders.js';
import { readText, sqlString, withScratchDatabase, type DuckDBLimits } from '../../src/duckdb/duckdb.js';
import { createLocalDirectoryStore } from '../../src/object-store/local-directory.js';
import { createDuckDBSqlSource } from '../../src/sources/duckdb-sql.js';
import { MillracePlugin } from '../../src/steps/plugin.js';
import { createStepLogs } from '../../src/steps/step-logs.js';
import { createDuckDBWarehouse } from '../../src/warehouse/duckdb.js';
import { dependenciesOf } from '../../test/support/activity-dependencies.js';
import { benchBundle } from './bench-bundle.js';
import type { BenchContext } from './bench-context.js';
import { count, ratioFigure, sideBySide, type Figure } from './figures.js';
import { BUSINESS_DATE, writeRawOrders } from './order-data.js';
import type { publishRawOrders } from './order-workflows.js';
import { plainOrders } from './plain-orders.js';

const TARGET = 1.5;
const ROUNDS = 7;
const TASK_QUEUE = 'bench-orders';
/** The day of `BUSINESS_DATE`. */
const INTERVAL = { start: '2010-12-01T00:00:00.000Z', end: '2010-12-02T00:00:00.000Z' };

/**
 * A day's order lines from the raw files to the published tables: the activities of `ecommerce-daily` in a real workflow,
 * against a plain DuckDB script with the same statements, files, threads and memory, in the same process. Measured twice:
 * into an empty warehouse, and once more for a day that is already there.
 */
export async function benchOrders(context: BenchContext): Promise<Figure[]> {
  const folder = join(context.folder, 'orders');
  // The limits of `workers/settings.ts`.
  const limits: DuckDBLimits = { memoryLimit: '1GB', threads: 2, scratchDir: join(folder, 'scratch') };
  const lines = context.quick ? 100_000 : 1_000_000;
  const lakeRoot = join(folder, 'lake');
  await mkdir(limits.scratchDir, { recursive: true });
  const sources = await writeRawOrders(lakeRoot, lines, limits);
  const paths = { lakeRoot, ours: join(folder, 'ours.duckdb'), plain: join(folder, 'plain.duckdb') };

  return withOrdersWorker(context, paths, limits, async () => {
    const sides = {
      ours: async () => {
        await context.client.workflow.execute<typeof publishRawOrders>('publishRawOrders', {
          taskQueue: TASK_QUEUE,
          workflowId: `bench-orders-${randomUUID()}`,
          args: [sources, BUSINESS_DATE],
        });
      },
      theirs: () => plainOrders({ files: filesOf(sources), database: paths.plain, quarantine: join(folder, 'quarantine.parquet'), interval: INTERVAL, limits }),
    };
    const removeDatabases = async (): Promise<void> => {
      for (const path of [paths.ours, paths.plain]) await rm(path, { force: true });
    };
    const measure = async (name: string, beforeRound: () => Promise<void>): Promise<Figure> => {
      context.say(`orders: ${count(lines)} lines, ${name}`);
      const comparison = await sideBySide(sides, context.quick ? 3 : ROUNDS, { beforeRound });
      await requireSameTables(paths, limits);
      return ratioFigure(comparison, { benchmark: 'orders', name: `${count(lines)} lines, ${name}`, target: TARGET, ours: 'Millrace', theirs: 'plain script' });
    };
    return [await measure('first load', removeDatabases), await measure('same day again', async () => {})];
  });
}

async function withOrdersWorker<T>(context: BenchContext, paths: { lakeRoot: string; ours: string }, limits: DuckDBLimits, use: () => Promise<T>): Promise<T> {
  const lake = createLocalDirectoryStore({ root: paths.lakeRoot });
  const warehouse = createDuckDBWarehouse({ path: paths.ours, limits });
  const sales = createDuckDBSqlSource({ path: paths.ours, limits });
  // Asked of its sales for their time zone only: it starts behind the extract steps.
  const deps = dependenciesOf({ lake: () => lake, warehouse: () => warehouse, sales: () => sales, redact: (text) => text, limits });
  const logs = createStepLogs(() => lake, (message) => context.say(message));
  const plugins = [new MillracePlugin({ redact: (text) => text, logs })];
  const worker = await Worker.create({
    connection: context.connection,
    taskQueue: TASK_QUEUE,
    workflowBundle: await benchBundle('order-workflows', plugins, context.logger),
    activities: {
      cleanAndJoin: createCleanAndJoin(deps),
      stageOrders: createStageOrders(deps),
      checkOrders: createCheckOrders(deps),
      publishOrders: createPublishOrders(deps),
      removeStaging: createRemoveStaging(deps),
    },
    plugins,
  });
  try {
    return await worker.runUntil(use());
  } finally {
    await logs.flush();
    await Promise.all([lake.close(), warehouse.close(), sales.close()]);
  }
}

function filesOf(sources: OrderSources): Record<string, string> {
  return Object.fromEntries(Object.entries(sources).map(([name, ref]) => [name, fileURLToPath(ref.uri)]));
}

/** A comparison of two that did different work would mean nothing. */
async function requireSameTables(paths: { ours: string; plain: string }, limits: DuckDBLimits): Promise<void> {
  await withScratchDatabase(limits, async (db) => {
    for (const side of ['ours', 'plain'] as const) await db.run(`ATTACH ${sqlString(paths[side])} AS ${side} (READ_ONLY)`);
    for (const { name } of [ORDERS, REVENUE_BY_CATEGORY, REVENUE_BY_COUNTRY]) {
      const [differences] = await readText(db, `SELECT (SELECT count(*) FROM (FROM ours.${name} EXCEPT ALL FROM plain.${name})) + (SELECT count(*) FROM (FROM plain.${name} EXCEPT ALL FROM ours.${name}))`);
      if (differences?.[0] !== '0') throw new Error(`orders: both sides published different rows into ${name}: ${differences?.[0]} differ`);
    }
  });
}
