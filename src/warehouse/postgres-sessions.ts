import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionOptions } from 'node:tls';
import { Client, type ClientBase, type ClientConfig, DatabaseError, Pool, type PoolClient } from 'pg';
import { postgresDialect } from './postgres-dialect.js';
import { postgresError, type PostgresIdentity } from './postgres-errors.js';

export interface PostgresConnection {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  /** Default false. */
  ssl?: boolean | ConnectionOptions;
  /** Where tables are created and found; created when missing. Default: the user's own search path. */
  schema?: string;
  /** Shown in `pg_stat_activity`; default `millrace`. */
  applicationName?: string;
}

export interface PostgresSessions {
  readonly identity: PostgresIdentity;
  /**
   * Runs `work` with a session of its own, in the transaction that the statement `begin` opens and `work` ends. When
   * `signal` aborts, the server is told to cancel the running statement, and the promise rejects with the signal's reason.
   */
  use<T>(signal: AbortSignal | undefined, begin: string, work: (client: ClientBase) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const MAX_SESSIONS = 10;
const CONNECT_TIMEOUT_MS = 10_000;
const CANCEL_EVERY_MS = 500;
/** As long as the DuckDB adapter waits for its file. */
const LOCK_TIMEOUT_MS = 30_000;

/** Sessions of one database, opened as needed and kept for a few seconds. */
export function createPostgresSessions(connection: PostgresConnection): PostgresSessions {
  const { host, port, user, password, database, ssl = false, schema, applicationName = 'millrace' } = connection;
  const identity = { description: `postgres://${host}:${port}/${database}`, user, password };
  const config: ClientConfig = {
    host,
    port,
    user,
    password,
    database,
    ssl,
    application_name: applicationName,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  };
  const pool = new Pool({ ...config, max: MAX_SESSIONS, allowExitOnIdle: true });
  // The server went away while the session was idle: the next user opens a new one.
  pool.on('error', ignore);
  // A session that is lost reports it twice: to its statement, if it has one, and by an event that must be heard.
  pool.on('connect', (client) => client.on('error', ignore));
  const prepared = new WeakSet<ClientBase>();

  /** A session that has answered its first statement: one that died while it was idle is thrown away for the next. */
  const openSession = async (begin: string): Promise<PoolClient> => {
    for (;;) {
      const client = await pool.connect().catch((error: unknown) => {
        throw postgresError(error, identity);
      });
      const reused = prepared.has(client);
      try {
        if (!reused) await prepareSession(client, schema);
        prepared.add(client);
        await client.query(begin);
        return client;
      } catch (error) {
        client.release(true);
        if (!reused) throw postgresError(error, identity, begin);
      }
    }
  };

  return {
    identity,
    use: async (signal, begin, work) => {
      signal?.throwIfAborted();
      const client = await openSession(begin);
      const stopCancelling = cancelOnAbort(signal, client, config);
      let broken = false;
      try {
        return await work(client);
      } catch (error) {
        signal?.throwIfAborted();
        const known = postgresError(error, identity);
        broken = known.code === 'WAREHOUSE_UNAVAILABLE';
        throw known;
      } finally {
        // A session whose cancellation may still be on its way must not run anybody else's statement.
        const cancelled = await stopCancelling();
        client.release(broken || cancelled);
      }
    },
    close: async () => {
      if (!pool.ended && !pool.ending) await pool.end();
    },
  };
}

const ignore = (): void => undefined;

/** Everything that a statement's meaning depends on and that a server, a database or a user may set otherwise. */
async function prepareSession(client: ClientBase, schema: string | undefined): Promise<void> {
  await client.query(
    `SET TIME ZONE 'UTC'; SET datestyle = 'ISO'; SET standard_conforming_strings = on; SET client_encoding = 'UTF8'; SET lock_timeout = ${LOCK_TIMEOUT_MS}`,
  );
  if (schema === undefined) return;
  const name = postgresDialect.identifier(schema);
  // CREATE SCHEMA IF NOT EXISTS asks for a right that the user of an existing schema need not have.
  const { rows } = await client.query<{ found: boolean }>('SELECT to_regnamespace($1) IS NOT NULL AS found', [name]);
  if (!rows[0]?.found) await client.query(`CREATE SCHEMA IF NOT EXISTS ${name}`).catch(unlessItExists);
  await client.query(`SET search_path = ${name}`);
}

/** IF NOT EXISTS does not help the one of two sessions that creates the schema a moment later. */
function unlessItExists(error: unknown): void {
  if (!(error instanceof DatabaseError) || (error.code !== '23505' && error.code !== '42P06')) throw error;
}

/** Asks the server again and again, because a request that comes between two statements is lost. The result says whether it was asked. */
function cancelOnAbort(signal: AbortSignal | undefined, client: PoolClient, config: ClientConfig): () => Promise<boolean> {
  let cancelling: Promise<void> | undefined;
  const finished = new AbortController();
  const cancel = async (): Promise<void> => {
    const helper = new Client(config);
    helper.on('error', ignore);
    try {
      await helper.connect();
      while (!finished.signal.aborted) {
        await helper.query('SELECT pg_cancel_backend($1)', [backendPid(client)]);
        await delay(CANCEL_EVERY_MS, undefined, { signal: finished.signal }).catch(() => undefined);
      }
    } catch {
      // The server does not listen: at least nobody here waits for it any longer.
      client.end().catch(() => undefined);
    } finally {
      await helper.end().catch(() => undefined);
    }
  };
  const onAbort = (): void => {
    cancelling = cancel();
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  return async () => {
    finished.abort();
    signal?.removeEventListener('abort', onAbort);
    await cancelling;
    return cancelling !== undefined;
  };
}

/** The number of the server process behind a session, which the driver knows and its types do not. */
function backendPid(client: PoolClient): number {
  return (client as PoolClient & { processID: number }).processID;
}
