import { writeFile } from 'node:fs/promises';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';

/**
 * Records the history of a run for `test/replay/histories/`: `node dist/scripts/record-history.js WORKFLOW_ID FILE`. The Temporal
 * server is the one that TEMPORAL_ADDRESS names. Names of machines and processes are left out.
 */
async function main(): Promise<void> {
  const [workflowId, file] = process.argv.slice(2);
  if (workflowId === undefined || file === undefined) throw new Error('usage: node dist/scripts/record-history.js WORKFLOW_ID FILE');
  const { connectionOptions, namespace } = loadClientConnectConfig();
  const connection = await Connection.connect(connectionOptions);
  try {
    const history = await new Client({ connection, ...(namespace === undefined ? {} : { namespace }) }).workflow.getHandle(workflowId).fetchHistory();
    await writeFile(file, `${historyToJSON(history).replace(/"identity": "[^"]*"/g, '"identity": "worker"')}\n`);
  } finally {
    await connection.close();
  }
}

main().catch((error: unknown) => {
  console.error(`record-history: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
