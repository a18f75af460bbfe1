import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from '@temporalio/worker';
import { medianOf } from '../../src/median.js';
import { startMariaDb } from '../../test/servers/mariadb.js';
import { startWorkerProcess } from '../../workers/worker-process.js';
import { benchBundle } from './bench-bundle.js';
import type { BenchContext } from './bench-context.js';
import type { extractOnce } from './extract-workflows.js';
import { count, plainFigure, seconds, type Figure } from './figures.js';
import { fillDuckDbSales, fillMariaDbSales } from './sales-lines.js';

const DATE = '2010-12-01';
/** Megabytes of the worker process at its peak. */
const PEAK_TARGET_MB = 400;
/** Ten times the rows may take this many times the memory. */
const FLAT_TARGET = 1.2;
const ROUNDS = 3;
const WORKFLOW_QUEUE = 'bench-extract';

interface SalesDatabase {
  name: string;
  /** For `MILLRACE_CONN_SALES`. */
  uri: string;
  fill(rows: number): Promise<void>;
}

/**
 * The peak of resident memory of a worker (`workers/main.ts` in a process of its own, as `npm start` runs it) that extracts one
 * day of sales, for two sizes of the day; a new worker for every measurement, which reports its own peak.
 */
export async function benchExtract(context: BenchContext): Promise<Figure[]> {
  const folder = join(context.folder, 'extract');
  const limits = { memoryLimit: '1GB', threads: 2, scratchDir: join(folder, 'scratch') };
  const file = join(folder, 'sales.duckdb');
  const duckdb: SalesDatabase = {
    name: 'DuckDB',
    uri: `duckdb://${file}`,
    fill: async (rows) => {
      await rm(file, { force: true });
      await fillDuckDbSales(file, DATE, rows, limits);
    },
  };
  // Runs the workflow only: its step goes to the task queue of the worker that is measured.
  const starter = await Worker.create({
    connection: context.connection,
    taskQueue: WORKFLOW_QUEUE,
    workflowBundle: await benchBundle('extract-workflows', [], context.logger),
  });
  return starter.runUntil(async () => {
    const embedded = await measurePeaks(context, folder, duckdb);
    await rm(file, { force: true });
    const server = await startMariaDb();
    try {
      const mariadb = { name: 'MariaDB', uri: server.uri, fill: (rows: number) => fillMariaDbSales(server, DATE, rows) };
      return [...embedded, ...(await measurePeaks(context, folder, mariadb))];
    } finally {
      await server.stop();
    }
  });
}

async function measurePeaks(context: BenchContext, folder: string, database: SalesDatabase): Promise<Figure[]> {
  const [few, many] = context.quick ? [200_000, 1_000_000] : [1_000_000, 10_000_000];
  const peaks: Record<'few' | 'many', number[]> = { few: [], many: [] };
  const times: Record<'few' | 'many', number[]> = { few: [], many: [] };
  for (const [size, rows] of [['few', few], ['many', many]] as const) {
    context.say(`extract: filling ${database.name} with ${count(rows)} rows`);
    await database.fill(rows);
    for (let round = 0; round < (context.quick ? 1 : ROUNDS); round += 1) {
      const { peakMb, ms } = await extractInWorker(context, join(folder, randomUUID()), database.uri, rows);
      context.say(`extract: ${count(rows)} rows from ${database.name}: ${Math.round(peakMb)} MB, ${seconds(ms)}`);
      peaks[size].push(peakMb);
      times[size].push(ms);
    }
  }
  const detail = (['few', 'many'] as const).map((size) => `${count(size === 'few' ? few : many)} rows ${Math.round(medianOf(peaks[size]))} MB in ${seconds(medianOf(times[size]))}`).join(', ');
  const flat = peaks.many.map((peak) => peak / medianOf(peaks.few));
  return [
    plainFigure(peaks.many, { benchmark: 'extract', name: `${database.name}, peak of the worker, ${count(many)} rows`, unit: 'MB', target: PEAK_TARGET_MB, detail }),
    plainFigure(flat, { benchmark: 'extract', name: `${database.name}, ${count(many)} rows against ${count(few)}`, unit: '×', target: FLAT_TARGET, detail }),
  ];
}

/** One extraction in a worker process of its own. */
async function extractInWorker(context: BenchContext, home: string, sales: string, rows: number): Promise<{ peakMb: number; ms: number }> {
  const memoryFile = `${home}.memory`;
  const taskQueue = `bench-extract-${randomUUID()}`;
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const worker = await startWorkerProcess({
    entry: fileURLToPath(new URL(`../../workers/main${extension}`, import.meta.url)),
    environment: {
      ...process.env,
      NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${new URL(`./report-memory${extension}`, import.meta.url).href}`,
      MILLRACE_BENCH_MEMORY: memoryFile,
      MILLRACE_HOME: home,
      MILLRACE_TASK_QUEUE: taskQueue,
      MILLRACE_LOG_LEVEL: 'WARN',
      MILLRACE_CONN_SALES: sales,
      MILLRACE_CONN_LAKE: pathToFileURL(join(home, 'lake')).href,
      TEMPORAL_ADDRESS: context.address,
    },
    logFile: `${home}.log`,
    onStart: async () => {},
    onRestart: (line) => context.say(`extract: ${line}`),
  });
  let ms: number;
  try {
    const started = performance.now();
    const dataset = await context.client.workflow.execute<typeof extractOnce>('extractOnce', {
      taskQueue: WORKFLOW_QUEUE,
      workflowId: `bench-extract-${randomUUID()}`,
      args: [DATE, taskQueue],
    });
    ms = performance.now() - started;
    if (dataset.rows !== rows) throw new Error(`extract: ${dataset.rows} rows arrived, not ${rows}`);
  } finally {
    await worker.stop();
  }
  await rm(home, { recursive: true, force: true });
  // Kilobytes, as libuv reports them on every system.
  return { peakMb: Number(await readFile(memoryFile, 'utf8')) / 1024, ms };
}
