import type { Pipeline } from '../catalog.js';
import type { Connections } from '../connections/connections.js';
import { ensureDemoDay } from '../demo/demo-client.js';
import type { Cli } from './cli.js';
import { daysOf, type PlannedRun } from './start-run.js';

/** The embedded demonstration has only the days that somebody asked for. */
export async function prepareDemonstration(cli: Cli, pipeline: Pipeline, interval: PlannedRun['interval']): Promise<void> {
  const address = pipeline.connections.some((name) => name === 'CUSTOMERS' || name === 'INCOMING') ? demonstrationAddress(cli.connections()) : undefined;
  if (address === undefined) return;
  for (const day of daysOf(interval)) await ensureDemoDay(address, day, { signal: cli.interrupted });
}

/** Where the running `npm start` of this project serves its customer API, with its token; `undefined` where the API is not its. */
export function demonstrationAddress(connections: Connections): string | undefined {
  const isDemonstration = connections.settings.some(({ name, source }) => name === 'CUSTOMERS' && source === 'stack');
  if (!isDemonstration) return undefined;
  const { baseUrl, auth } = connections.get('CUSTOMERS', 'rest-source');
  if (auth.kind !== 'bearer') return undefined;
  const address = new URL(baseUrl);
  address.password = encodeURIComponent(auth.token);
  return address.href;
}
