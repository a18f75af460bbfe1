import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { DefaultLogger, Runtime, Worker, bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { createAwaitRun } from '../../activities/backfill/await-run.js';
import { createPlanBackfill } from '../../activities/backfill/plan-backfill.js';
import { MillracePlugin } from '../../src/steps/plugin.js';
import { duckdbDialect } from '../../src/warehouse/duckdb-dialect.js';
import { LEDGER } from '../../src/warehouse/ledger.js';
import type { Warehouse } from '../../src/warehouse/warehouse.js';
import { startTemporal, type TemporalServer } from '../servers/temporal.js';

/** The days of a pipeline of which a test decides what each does, and sees what it has done. */
export class BackfillDays {
  readonly started: string[] = [];
  readonly ended: string[] = [];
  readonly failing = new Set<string>();
  /** What the warehouse's ledger has. */
  readonly loaded = new Set<string>();
  /** The most that ran at a time. */
  most = 0;
  /** From now on a day waits until it is released. */
  hold = false;
  readonly held = new Map<string, () => void>();
  readonly #running = new Set<string>();

  release(...labels: string[]): void {
    for (const label of labels) {
      this.held.get(label)?.();
      this.held.delete(label);
    }
  }

  releaseAll(): void {
    this.hold = false;
    this.release(...this.held.keys());
  }

  /** The only step of the pipeline. */
  async load(label: string): Promise<void> {
    this.started.push(label);
    this.#running.add(label);
    this.most = Math.max(this.most, this.#running.size);
    // With the answer to a heartbeat it learns that it is cancelled.
    const context = Context.current();
    const beat = setInterval(() => context.heartbeat(), 100);
    try {
      if (this.hold) await Promise.race([new Promise<void>((resolve) => this.held.set(label, resolve)), context.cancelled]);
      if (this.failing.has(label)) throw ApplicationFailure.nonRetryable(`no data for ${label}`, 'SOURCE_EMPTY');
      this.loaded.add(label);
    } finally {
      clearInterval(beat);
      this.#running.delete(label);
      this.ended.push(label);
    }
  }

  /** Nothing but the ledger is asked of it. */
  warehouse(): Warehouse {
    const query: Warehouse['query'] = async () => ({ columns: [], rows: [...this.loaded].map((day) => [`${day}T00:00:00.000Z`, new Date(Date.parse(day) + 86_400_000).toISOString()]) });
    return { dialect: duckdbDialect, describe: async () => LEDGER.columns, query } as Partial<Warehouse> as Warehouse;
  }
}

export interface BackfillStack {
  server: TemporalServer;
  bundle: WorkflowBundleWithSourceMap;
  stop(): Promise<void>;
}

/** Temporal, and a worker whose pipeline does what `days` says; every test may have its own. */
export async function startBackfillStack(days: () => BackfillDays): Promise<BackfillStack> {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => {}) });
  const server = await startTemporal();
  const bundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../fixtures/backfill-workflows.ts', import.meta.url)),
    plugins: [new MillracePlugin()],
    logger: new DefaultLogger('ERROR'),
  });
  const worker = await Worker.create({
    connection: server.env.nativeConnection,
    namespace: server.namespace,
    taskQueue: 'millrace',
    workflowBundle: bundle,
    activities: {
      load: (label: string) => days().load(label),
      sendAlert: async () => {},
      planBackfill: createPlanBackfill({ warehouse: () => days().warehouse() }),
      awaitRun: createAwaitRun(),
    },
    plugins: [new MillracePlugin()],
    maxHeartbeatThrottleInterval: '200ms',
  });
  const working = worker.run();
  return {
    server,
    bundle,
    async stop() {
      worker.shutdown();
      await working;
      await server.stop();
    },
  };
}
