/**
 * Measures Millrace against what it is built on, in one run, and says whether the targets are met.
 *
 *   npm run bench -- [steps] [orders] [extract] [kafka] [start] [--quick] [--json]
 *
 * Exit codes: 0 every target is met; 1 one is missed; 2 something could not be measured.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { obtainTemporal } from '../servers/obtain-temporal.js';
import { startTemporalServer } from '../servers/temporal-server.js';
import type { BenchContext } from './bench-context.js';
import { benchExtract } from './extract.js';
import { meetsTarget, type Figure } from './figures.js';
import { benchKafka } from './kafka.js';
import { benchOrders } from './orders.js';
import { figureTable, figuresAsJson } from './report.js';
import { benchStart } from './start.js';
import { benchSteps } from './steps.js';

const BENCHMARKS: Record<string, (context: BenchContext) => Promise<Figure[]>> = {
  steps: benchSteps,
  orders: benchOrders,
  extract: benchExtract,
  kafka: benchKafka,
  start: benchStart,
};

async function measure(names: readonly string[], quick: boolean): Promise<Figure[]> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const logger = new DefaultLogger('ERROR');
  Runtime.install({ logger });
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  const temporal = await startTemporalServer({ executable: await obtainTemporal({ log: say }), dataDir: join(folder, 'temporal'), log: say });
  const { address } = temporal;
  const connection = await NativeConnection.connect({ address });
  const clientConnection = await Connection.connect({ address });
  try {
    const context: BenchContext = { client: new Client({ connection: clientConnection }), address, connection, logger, folder, quick, say };
    const figures: Figure[] = [];
    for (const name of names) figures.push(...(await BENCHMARKS[name]!(context)));
    await rm(folder, { recursive: true, force: true });
    return figures;
  } catch (error) {
    say(`files and logs of this run are kept in ${folder}`);
    throw error;
  } finally {
    await clientConnection.close();
    await connection.close();
    await temporal.stop();
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } } });
  const unknown = positionals.filter((name) => !Object.hasOwn(BENCHMARKS, name));
  if (unknown.length > 0) throw new Error(`there is no benchmark ${unknown.join(', ')}; there are ${Object.keys(BENCHMARKS).join(', ')}`);
  const figures = await measure(positionals.length > 0 ? positionals : Object.keys(BENCHMARKS), values.quick);
  console.log(values.json ? figuresAsJson(figures) : figureTable(figures));
  process.exitCode = figures.every(meetsTarget) ? 0 : 1;
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.stack : error);
  process.exitCode = 2;
});
