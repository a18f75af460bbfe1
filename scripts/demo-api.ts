/**
 * Breaks the customer API of the running `npm start` on purpose, and mends it: `npm run demo-api -- down|slow|forbidden|ok`.
 */
import { demonstrationAddress } from '../src/cli/prepare-demonstration.js';
import { loadConnections } from '../src/connections/connections.js';
import { API_MODES } from '../src/demo/customer-api.js';
import { setDemoApiMode } from '../src/demo/demo-client.js';
import { findProjectRoot } from '../src/project-root.js';

async function main(): Promise<void> {
  const mode = API_MODES.find((known) => known === process.argv[2]);
  if (mode === undefined) throw new Error(`say how the customer API is to be: npm run demo-api -- ${API_MODES.join('|')}`);
  const address = demonstrationAddress(loadConnections({ env: process.env, root: findProjectRoot() }));
  if (address === undefined) throw new Error('no npm start is running in this project, or MILLRACE_CONN_CUSTOMERS names another API');
  await setDemoApiMode(address, mode);
  console.log(`the customer API is ${mode} now`);
}

await main().catch((error: unknown) => {
  console.error(`millrace: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
