import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { SEARCH_ATTRIBUTES } from '../../src/steps/search-attributes.js';
import { ServerUnavailable } from '../support/with-server.js';

/** Path of the Temporal CLI, whose dev server the tests run on. */
export function locateTemporal(): string {
  const candidates = [process.env['MILLRACE_TEMPORAL_CLI'], onPath(), join(homedir(), 'go', 'bin', 'temporal')];
  const found = candidates.find((candidate) => candidate !== undefined && candidate !== '' && existsSync(candidate));
  if (found === undefined) {
    throw new ServerUnavailable('no `temporal` CLI: put it on PATH, or set MILLRACE_TEMPORAL_CLI to it (https://docs.temporal.io/cli)');
  }
  return found;
}

function onPath(): string | undefined {
  try {
    return execFileSync('which', ['temporal'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

export interface TemporalServer {
  env: TestWorkflowEnvironment;
  address: string;
  namespace: string;
  stop(): Promise<void>;
}

/** A dev server in memory, on a free port of the loopback interface, that knows our search attributes; `extraArgs` are its own. */
export async function startTemporal(extraArgs: readonly string[] = []): Promise<TemporalServer> {
  const env = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path: locateTemporal() }, searchAttributes: Object.values(SEARCH_ATTRIBUTES), extraArgs: [...extraArgs] },
  });
  return { env, address: env.address, namespace: env.namespace ?? 'default', stop: () => env.teardown() };
}
