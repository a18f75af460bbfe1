import { obtainCompose } from '../scripts/servers/obtain-compose.js';
import { obtainKafka } from '../scripts/servers/obtain-kafka.js';
import { obtainMoto } from '../scripts/servers/obtain-moto.js';
import { ProgramUnavailable } from '../scripts/servers/obtain-program.js';
import { obtainTemporal } from '../scripts/servers/obtain-temporal.js';
import { obtainVersitygw } from '../scripts/servers/obtain-versitygw.js';

/** Lines go to stderr: stdout is the reporters'. */
const log = (line: string): void => void process.stderr.write(`millrace: ${line}\n`);

/**
 * Obtains the server programs of the tests, once for all files. Where one cannot be had, its tests are skipped with that line on
 * a user's machine, and fail in CI. Databases come from the operating system's packages: nothing is installed there by us.
 */
export default async function setup(): Promise<void> {
  await offer('MILLRACE_TEMPORAL_CLI', () => obtainTemporal({ log }));
  await offer('MILLRACE_VERSITYGW', () => obtainVersitygw({ log }));
  await offer('MILLRACE_KAFKA', async () => (await obtainKafka({ log })).libs);
  await offer('MILLRACE_MOTO', () => obtainMoto({ log }));
  // A user who writes no compose file need not wait for it.
  if (process.env['CI']) await unlessUnavailable(() => obtainCompose({ log }));
}

/** Test processes inherit the environment. */
async function offer(setting: string, obtain: () => Promise<string>): Promise<void> {
  const path = await unlessUnavailable(obtain);
  if (path !== undefined) process.env[setting] = path;
}

async function unlessUnavailable<T>(obtain: () => Promise<T>): Promise<T | undefined> {
  try {
    return await obtain();
  } catch (error) {
    if (!(error instanceof ProgramUnavailable)) throw error;
    log(process.env['CI'] ? error.message : (error.message.split('\n')[0] ?? ''));
    return undefined;
  }
}
