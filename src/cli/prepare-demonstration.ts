import type { Pipeline } from '../catalog.js';
import { ensureDemoDay } from '../demo/demo-client.js';
import type { Cli } from './cli.js';
import { daysOf, type PlannedRun } from './start-run.js';

/** The embedded demonstration has only the days that somebody asked for. */
export async function prepareDemonstration(cli: Cli, pipeline: Pipeline, interval: PlannedRun['interval']): Promise<void> {
  const connections = cli.connections();
  const demonstration = connections.settings.some(({ name, source }) => name === 'CUSTOMERS' && source === 'stack');
  if (!pipeline.connections.includes('CUSTOMERS') || !demonstration) return;
  const { baseUrl, auth } = connections.get('CUSTOMERS', 'rest-source');
  if (auth.kind !== 'bearer') return;
  const address = new URL(baseUrl);
  address.password = encodeURIComponent(auth.token);
  for (const day of daysOf(interval)) await ensureDemoDay(address.href, day, { signal: cli.interrupted });
}
