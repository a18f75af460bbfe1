import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startWorkerProcess } from '../../workers/worker-process.js';
import type { Pipeline } from '../catalog.js';
import { SETTING_PREFIX } from '../connections/known-connections.js';
import { readSettings } from '../connections/settings.js';
import type { DuckDBLimits } from '../duckdb/duckdb.js';
import type { Stage } from '../verify/stage.js';
import { printTables } from '../verify/table-prints.js';
import { createDuckDBWarehouse } from '../warehouse/duckdb.js';
import type { Cli } from './cli.js';

const WORKER = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../../workers/gated.ts' : '../../workers/gated.js', import.meta.url));

/**
 * A folder with a lake, a warehouse and a worker for one run of `millrace verify`. Of the configured connections the worker gets
 * those that the pipeline reads: neither the real targets nor whoever alerts would go to.
 */
export async function openVerifyStage(cli: Cli, pipeline: Pipeline, folder: string, workflowId: string, limits: DuckDBLimits): Promise<Stage> {
  const home = join(folder, workflowId);
  const gates = join(home, 'gates');
  const warehouseFile = join(home, 'warehouse.duckdb');
  await Promise.all(['gates', 'lake'].map((name) => mkdir(join(home, name), { recursive: true })));
  const { target } = await cli.temporal();
  const { found } = readSettings({ env: cli.env, root: cli.root });
  const connections = {
    ...Object.fromEntries(pipeline.connections.flatMap((name) => (found.has(name) ? [[name, found.get(name)!.uri]] : []))),
    LAKE: pathToFileURL(join(home, 'lake')).href,
    WAREHOUSE: `duckdb://${pathToFileURL(warehouseFile).pathname}`,
    ...NOBODY,
  };
  const others = Object.entries(cli.env).filter(([name]) => !name.startsWith(SETTING_PREFIX));

  return {
    taskQueue: workflowId,
    gates,
    startWorker: () =>
      startWorkerProcess({
        entry: WORKER,
        execArgv: process.execArgv,
        environment: {
          ...Object.fromEntries(others),
          ...Object.fromEntries(Object.entries(connections).map(([name, uri]) => [`${SETTING_PREFIX}${name}`, uri])),
          MILLRACE_PROFILE: '',
          MILLRACE_HOME: home,
          MILLRACE_GATES: gates,
          MILLRACE_TASK_QUEUE: workflowId,
          // Like the CLI's own client: what Temporal's settings say beyond these two holds for the worker too.
          TEMPORAL_ADDRESS: target.address,
          TEMPORAL_NAMESPACE: target.namespace,
        },
        logFile: join(home, 'worker.log'),
        onStart: async () => {},
        onRestart: () => {},
      }),
    async prints() {
      const warehouse = createDuckDBWarehouse({ path: warehouseFile, limits });
      try {
        return await printTables(warehouse, pipeline.publishes);
      } finally {
        await warehouse.close();
      }
    },
  };
}

/** An empty value means missing. */
const NOBODY = { MAIL: '', SLACK: '', INCIDENT: '' };
