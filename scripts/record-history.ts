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
    await writeFile(file, `${withoutTraces(historyToJSON(history))}\n`);
  } finally {
    await connection.close();
  }
}

/** Which machine and process it was, and where its files lay, is nobody's business and says nothing to a replay. */
function withoutTraces(json: string): string {
  return json
    .replace(/("identity": )"[^"]*"/g, '$1"worker"')
    .replace(/("stackTrace": )"(?:[^"\\\\]|\\\\.)*"/g, '$1""')
    .replace(/\b\d+@[\w.-]+/g, 'worker');
}

main().catch((error: unknown) => {
  console.error(`record-history: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
