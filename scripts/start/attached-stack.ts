import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ensureDemoDay } from '../../src/demo/demo-client.js';
import type { RunningStack } from '../../src/stack/stack-state.js';
import { DEMO_SIGNUPS, KAFKA_CONNECTION } from './demo-kafka.js';
import type { EmbeddedStack } from './embedded-stack.js';

/** Another `npm start` has everything running already: the run goes there, with the day loaded into its sources. */
export async function attachToStack(running: RunningStack, { date, dataGiven, stackGiven, log }: { date: string; dataGiven: boolean; stackGiven: boolean; log: (line: string) => void }): Promise<EmbeddedStack> {
  log(`npm start is running already (process ${running.pid}): the run goes there`);
  if (dataGiven) log('note: --data belongs to the npm start that is running; stop that one (Ctrl-C) to change its data');
  if (stackGiven) log('note: --stack belongs to the npm start that is running; stop that one (Ctrl-C) to change it');
  const connections = parseEnv(readFileSync(running.connectionsFile, 'utf8'));
  const customers = connections['MILLRACE_CONN_CUSTOMERS'];
  if (customers !== undefined) await ensureDemoDay(customers, date);
  const demoParams = connections[`MILLRACE_CONN_${KAFKA_CONNECTION}`] === undefined ? [] : DEMO_SIGNUPS;
  return { temporal: running.temporal, demoParams, keepUpWithTheDate() {}, stop: async () => {} };
}
