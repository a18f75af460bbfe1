import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig';
import { askForAttributes, startInterceptors } from '../steps/client-interceptors.js';
import { CliError, messageOf } from './cli-error.js';
import { EXIT_CODES } from './exit-codes.js';

/** What the running embedded stack says of itself. */
export interface StackAddress {
  address: string;
  namespace: string;
  uiUrl?: string;
}

export interface TemporalTarget {
  address: string;
  namespace: string;
  /** Where the address came from, for messages. */
  source: string;
  /** Without a slash at its end. */
  uiUrl?: string;
}

const CONNECT_TIMEOUT = '5s';
const DEFAULT_ADDRESS = 'localhost:7233';

/**
 * Which server the CLI talks to: the one that Temporal's own environment configuration names (TEMPORAL_ADDRESS or a profile),
 * else the embedded stack that runs in this project, else Temporal's default address.
 */
export async function chooseTemporal(env: NodeJS.ProcessEnv, findStack: () => Promise<StackAddress | undefined>): Promise<{ target: TemporalTarget; options: ConnectionOptions }> {
  const { connectionOptions, namespace } = settingsOf(env);
  const stack = await findStack();
  const { address: configured } = connectionOptions;
  const address = configured ?? stack?.address ?? DEFAULT_ADDRESS;
  const uiUrl = nonEmpty(env['MILLRACE_WEB_UI']) ?? (stack?.address === address ? stack.uiUrl : undefined);
  const target: TemporalTarget = {
    address,
    namespace: namespace ?? stack?.namespace ?? 'default',
    source: configured !== undefined ? "from Temporal's settings" : stack === undefined ? 'the default: TEMPORAL_ADDRESS is not set, and no npm start is running' : 'of the running npm start',
    ...(uiUrl === undefined ? {} : { uiUrl: uiUrl.replace(/\/+$/, '') }),
  };
  // A key that is meant for another server is not shown to the embedded one.
  const { tls, apiKey, metadata } = configured === undefined && stack !== undefined ? {} : connectionOptions;
  return {
    target,
    options: {
      address,
      connectTimeout: CONNECT_TIMEOUT,
      ...(tls === undefined ? {} : { tls }),
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(metadata === undefined ? {} : { metadata }),
    },
  };
}

function settingsOf(env: NodeJS.ProcessEnv): ClientConnectConfig & { connectionOptions: Pick<ConnectionOptions, 'tls' | 'apiKey' | 'metadata'> } {
  // An empty value means missing, as everywhere.
  const overrideEnvVars = Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''));
  try {
    return loadClientConnectConfig({ overrideEnvVars });
  } catch (error) {
    throw new CliError(EXIT_CODES.CONNECTION, `Temporal's settings cannot be read: ${messageOf(error)}`, 'correct the TEMPORAL_… variables or temporal.toml', { cause: error });
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}

/** Connects within five seconds, or says what was tried. */
export async function connectTemporal(target: TemporalTarget, options: ConnectionOptions): Promise<Client> {
  try {
    const connection = await Connection.connect(options);
    const { namespace } = target;
    return new Client({ connection, namespace, interceptors: startInterceptors(askForAttributes(connection, namespace)) });
  } catch (error) {
    throw new CliError(
      EXIT_CODES.TEMPORAL_UNREACHABLE,
      `no Temporal server at ${target.address} (${target.source})`,
      'run npm start, or set TEMPORAL_ADDRESS',
      { cause: error },
    );
  }
}

/** The run's page in the Web UI; `undefined` where nobody knows the Web UI's address. */
export function webUiLink({ uiUrl, namespace }: TemporalTarget, run: { workflowId: string; runId: string }): string | undefined {
  return uiUrl === undefined ? undefined : `${uiUrl}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(run.workflowId)}/${run.runId}/history`;
}
