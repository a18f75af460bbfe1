import { describe } from 'vitest';
import { ServerUnavailable } from '../servers/server-unavailable.js';

export { ServerUnavailable };

/**
 * `describe` for suites that need a real server. `locate` throws `ServerUnavailable` where the server cannot be had:
 * then the suite is skipped with that line on a user's machine, and fails in CI, where nothing may be skipped for this reason.
 */
export function describeWithServer(name: string, locate: () => unknown, suite: () => void): void {
  let reason: string | undefined;
  try {
    locate();
  } catch (error) {
    if (!(error instanceof ServerUnavailable) || process.env['CI']) throw error;
    reason = error.message;
  }
  if (reason === undefined) describe(name, suite);
  else describe.skip(`${name} (skipped: ${reason})`, suite);
}
