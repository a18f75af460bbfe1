import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { Client } from '@temporalio/client';
import { vi } from 'vitest';
import { startWorkerProcess, type WorkerProcess } from '../../workers/worker-process.js';
import { loadConnections } from '../../src/connections/connections.js';
import type { DemoDays } from '../../src/demo/demo-day.js';
import { startDemoSources, type DemoSources } from '../../src/demo/demo-stack.js';
import type { ReceivedMail } from '../../src/demo/mail-sink.js';
import { generatedDays } from '../../src/demo/generate-day.js';
import { findProjectRoot } from '../../src/project-root.js';
import { createAdapters, type Adapters } from '../../workers/adapters.js';
import { startTemporal, type TemporalServer } from '../servers/temporal.js';

/** Temporal, the demonstration's sources, and as many workers as a test wants, in a folder of their own. */
export interface PipelineStack {
  temporal: TemporalServer;
  client: Client;
  demo: DemoSources;
  home: string;
  mails: ReceivedMail[];
  /** `MILLRACE_CONN_…` of this stack: embedded lake and warehouse, the demonstration's sources. */
  connections: Readonly<Record<string, string>>;
  /** The folder of its gates. */
  gates: string;
  /** Starts a worker process on a task queue, with some connections replaced, of the stack's Temporal or another one; `settings` are further variables of its environment. */
  worker(taskQueue: string, overrides?: Record<string, string>, server?: { address: string; namespace: string }, settings?: Record<string, string>): Promise<WorkerProcess>;
  /** The test's own adapters over the same connections. */
  adapters(overrides?: Record<string, string>): Adapters;
  /** Arms, disarms and awaits the gates of `src/verify/gated-steps.ts`. */
  gate: { set(name: string): Promise<void>; clear(name: string): Promise<void>; seen(name: string): Promise<void>; all(): Promise<string[]> };
  workerLogs(): Promise<string>;
  stop(): Promise<void>;
}

const LIMITS = { memoryLimit: '512MB', threads: 2 };

export interface PipelineStackOptions {
  days?: DemoDays;
  /** Days that the sources have from the beginning. */
  preload: string[];
  /** Of the workers, over that of the tests. */
  environment?: Record<string, string>;
  /** What a worker process runs, from the project's folder; default `workers/gated.ts`. */
  entry?: string;
}

export async function startPipelineStack({ days = generatedDays(), preload, environment: ofWorkers = {}, entry = 'workers/gated.ts' }: PipelineStackOptions): Promise<PipelineStack> {
  const home = await mkdtemp(join(tmpdir(), 'millrace [pipeline]-'));
  const gates = join(home, 'gates');
  await Promise.all(['gates', 'lake', 'logs'].map((folder) => mkdir(join(home, folder))));
  const mails: ReceivedMail[] = [];
  const temporal = await startTemporal();
  const demo = await startDemoSources({ home, days, preload, log: () => {}, onMail: (mail) => mails.push(mail) });
  const uris: Record<string, string> = {
    ...demo.connections,
    TRANSFORM: 'process://transform',
    LAKE: pathToFileURL(join(home, 'lake')).href,
    WAREHOUSE: `duckdb://${join(home, 'warehouse.duckdb')}`,
  };
  const environment = (overrides: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries({ ...uris, ...overrides }).map(([name, uri]) => [`MILLRACE_CONN_${name}`, uri]));
  const workers: WorkerProcess[] = [];
  const opened: Adapters[] = [];

  return {
    temporal,
    client: temporal.env.client,
    demo,
    home,
    mails,
    gates,
    connections: uris,
    async worker(taskQueue, overrides = {}, { address, namespace } = temporal, settings = {}) {
      const worker = await startWorkerProcess({
        entry: join(findProjectRoot(), entry),
        environment: {
          ...process.env,
          NODE_OPTIONS: '--import tsx',
          ...ofWorkers,
          TEMPORAL_ADDRESS: address,
          TEMPORAL_NAMESPACE: namespace,
          MILLRACE_HOME: home,
          MILLRACE_TASK_QUEUE: taskQueue,
          MILLRACE_WEB_UI: 'http://web-ui.example',
          MILLRACE_GATES: gates,
          ...environment(overrides),
          ...settings,
        },
        logFile: join(home, 'logs', `${taskQueue}.log`),
        onStart: async () => {},
        onRestart: () => {},
      });
      workers.push(worker);
      return worker;
    },
    adapters(overrides = {}) {
      const adapters = createAdapters(loadConnections({ env: environment(overrides), root: home }), { ...LIMITS, scratchDir: join(home, 'scratch') });
      opened.push(adapters);
      return adapters;
    },
    gate: {
      set: (name) => writeFile(join(gates, name), ''),
      clear: (name) => rm(join(gates, name), { force: true }),
      seen: (name) =>
        vi.waitFor(
          async () => {
            if (!(await readdir(gates)).includes(name)) throw new Error(`no ${name} yet`);
          },
          { timeout: 60_000, interval: 20 },
        ),
      all: () => readdir(gates),
    },
    async workerLogs() {
      const files = await readdir(join(home, 'logs'));
      return (await Promise.all(files.map((file) => readFile(join(home, 'logs', file), 'utf8')))).join('\n');
    },
    async stop() {
      await Promise.all(workers.map((worker) => worker.stop()));
      for (const adapters of opened) await adapters.close();
      await demo.stop();
      await temporal.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** The whole published content, in a fixed order: equal strings are equal tables, byte for byte. */
export async function publishedContent(adapters: Adapters): Promise<string> {
  const warehouse = adapters.warehouse();
  const tables = ['orders', 'daily_revenue_by_category', 'daily_revenue_by_country'];
  const contents = [];
  for (const table of tables) {
    const { columns, rows } = await warehouse.query(`SELECT * FROM ${table}`);
    contents.push([table, columns, rows.map((row) => JSON.stringify(row)).toSorted()]);
  }
  return JSON.stringify(contents);
}

/** Everything that Temporal keeps of a run, payloads decoded. */
export async function historyText(client: Client, workflowId: string): Promise<string> {
  const json = historyToJSON(await client.workflow.getHandle(workflowId).fetchHistory());
  return json.replace(/"data": "([A-Za-z0-9+/=]+)"/g, (_, data: string) => `"data": ${JSON.stringify(Buffer.from(data, 'base64').toString('utf8'))}`);
}
