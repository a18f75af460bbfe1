import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { announce, type Announcement } from './announce.js';
import { parseRules } from './rules.js';

const rules = parseRules(process.env['MILLRACE_ARRIVALS']);

let connected: Promise<Client> | undefined;

/** Follows Temporal's own environment configuration (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, TLS); kept as long as the sandbox lives. */
async function connect(): Promise<Client> {
  const { connectionOptions, namespace } = loadClientConnectConfig();
  const connection = await Connection.connect({ ...connectionOptions, connectTimeout: '10s' });
  return new Client({ connection, ...(namespace === undefined ? {} : { namespace }) });
}

/** The entry of the deployed function. A failure is thrown, so that Lambda invokes it again with the same event. */
export async function handler(event: unknown): Promise<{ announcements: Announcement[] }> {
  connected ??= connect();
  try {
    const announcements = await announce(await connected, rules, event);
    console.log(JSON.stringify({ level: 'info', message: 'announced', announcements }));
    return { announcements };
  } catch (error) {
    // The next invocation connects anew.
    connected = undefined;
    console.log(JSON.stringify({ level: 'error', message: error instanceof Error ? error.message : String(error), event }));
    throw error;
  }
}
