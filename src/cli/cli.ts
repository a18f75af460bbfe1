import type { Client } from '@temporalio/client';
import type { Adapters } from '../../workers/adapters.js';
import { workerSettings } from '../../workers/settings.js';
import { loadConnections, type Connections } from '../connections/connections.js';
import { millraceHome } from '../connections/settings.js';
import type { DuckDBLimits } from '../duckdb/duckdb.js';
import { findProjectRoot } from '../project-root.js';
import { runningStack } from '../stack/stack-state.js';
import { CliError, messageOf } from './cli-error.js';
import { EXIT_CODES } from './exit-codes.js';
import { createScreen, type Screen } from './output/screen.js';
import { chooseTemporal, connectTemporal, type TemporalTarget } from './temporal-client.js';

/** What a verb works with; each thing is made when it is first asked for. */
export interface Cli {
  readonly screen: Screen;
  readonly env: NodeJS.ProcessEnv;
  readonly root: string;
  /** Ends with the first Ctrl-C. */
  readonly interrupted: AbortSignal;
  temporal(): Promise<{ client: Client; target: TemporalTarget }>;
  /** Where Temporal is expected to be, without a call. */
  temporalTarget(): Promise<TemporalTarget>;
  connections(): Connections;
  adapters(): Promise<Adapters>;
  limits(): DuckDBLimits;
  close(): Promise<void>;
}

export function createCli(process: NodeJS.Process, interrupted: AbortSignal): Cli {
  const { env } = process;
  const root = findProjectRoot();
  const home = millraceHome(env, root);
  const chosen = once(() => chooseTemporal(env, async () => (await runningStack(home))?.temporal));
  const connected = once(async () => {
    const { target, options } = await chosen();
    return { client: await connectTemporal(target, options), target };
  });
  const connections = once(() => loadConnections({ env, root }));
  const limits = once(() => duckdbLimits(env, home));
  // Half of the command's start would be the drivers of databases that most verbs never talk to.
  const adapters = once(async () => (await import('../../workers/adapters.js')).createAdapters(connections(), limits()));
  let used: { adapters: boolean; temporal: boolean } = { adapters: false, temporal: false };

  return {
    screen: createScreen(process.stdout, process.stderr, env),
    env,
    root,
    interrupted,
    temporal() {
      used = { ...used, temporal: true };
      return connected();
    },
    temporalTarget: async () => (await chosen()).target,
    connections,
    adapters() {
      used = { ...used, adapters: true };
      return adapters();
    },
    limits,
    async close() {
      if (used.temporal) await connected().then(({ client }) => client.connection.close(), () => undefined);
      if (used.adapters) await adapters().then((built) => built.close(), () => undefined);
    },
  };
}

function duckdbLimits(env: NodeJS.ProcessEnv, home: string): DuckDBLimits {
  try {
    return workerSettings(env, home).duckdb;
  } catch (error) {
    throw new CliError(EXIT_CODES.CONNECTION, messageOf(error), 'correct these settings', { cause: error });
  }
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
