import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, DatabaseError, Pool, type ClientBase, type ClientConfig, type PoolClient, type QueryArrayConfig } from 'pg';
import { StatementError } from './api-error.js';
import { SYSTEM_OBJECTS, toPostgres } from './dialect.js';
import { copy } from './copy.js';
import type { Objects } from './objects.js';
import { resultSet, type ResultLimits, type ResultSet } from './results.js';
import { isCopy, isUnload, parseCopy, parseUnload } from './s3-commands.js';
import { RAW, type Session } from './session.js';
import { keyword, meaningful, tokensOf } from './sql-tokens.js';
import { unload } from './unload.js';

export interface PostgresAddress {
  host: string;
  port: number;
  user: string;
  password: string;
}

export interface BoundStatement {
  text: string;
  values: readonly string[];
}

/** What became of one statement. */
export interface Outcome {
  rows: number;
  result?: ResultSet;
}

export interface DatabaseOptions {
  postgres: PostgresAddress;
  /** Absent: COPY and UNLOAD fail. */
  objects: Objects | undefined;
  /** Roles that the cluster may take for COPY and UNLOAD. */
  roles: readonly string[];
  limits: ResultLimits;
}

/** PostgreSQL in the role of a cluster: one session per request, like the Data API. */
export interface Database {
  /** Opens a session of this database and user; `StatementError` where that is impossible. */
  session(database: string, user: string | undefined): Promise<DatabaseSession>;
  cancel(pid: number): Promise<void>;
  close(): Promise<void>;
}

export interface DatabaseSession {
  pid: number;
  begin(): Promise<void>;
  /** `queryId` is what the load errors of a COPY are kept under. */
  run(statement: BoundStatement, queryId: number): Promise<Outcome>;
  commit(): Promise<void>;
  /** Rolls back what is open, and gives the session up. */
  end(): Promise<void>;
}

export function openDatabase(options: DatabaseOptions): Database {
  const { postgres } = options;
  const pools = new Map<string, Promise<Pool>>();

  const poolOf = (database: string): Promise<Pool> => {
    const opened = pools.get(database) ?? openPool({ ...postgres, database });
    pools.set(database, opened);
    opened.catch(() => pools.delete(database));
    return opened;
  };

  return {
    session: async (database, user) => {
      try {
        const pool = await poolOf(database);
        const client = await pool.connect();
        try {
          await client.query("SET TIME ZONE 'UTC'; SET datestyle = 'ISO'");
          if (user !== undefined) await client.query(`SET SESSION AUTHORIZATION "${user.replaceAll('"', '""')}"`);
        } catch (error) {
          client.release(true);
          throw error;
        }
        return databaseSession(client, pool, options);
      } catch (error) {
        throw new StatementError(`FATAL: ${error instanceof Error ? error.message : String(error)}`);
      }
    },
    cancel: async (pid) => {
      const helper = new Client({ ...postgres, database: 'postgres' });
      helper.on('error', ignore);
      try {
        await helper.connect();
        await helper.query('SELECT pg_cancel_backend($1)', [pid]);
      } finally {
        await helper.end();
      }
    },
    close: async () => {
      for (const pool of pools.values()) await pool.then((opened) => opened.end()).catch(() => undefined);
    },
  };
}

const ignore = (): void => undefined;

async function openPool(config: ClientConfig): Promise<Pool> {
  const pool = new Pool({ ...config, max: 20, application_name: 'redshift' });
  pool.on('error', ignore);
  // A session that is lost says so by an event too, also between two statements.
  pool.on('connect', (client) => client.on('error', ignore));
  await pool.query(SYSTEM_OBJECTS);
  return pool;
}

function databaseSession(client: PoolClient, pool: Pool, options: DatabaseOptions): DatabaseSession {
  const pid = (client as PoolClient & { processID: number }).processID;
  return {
    pid,
    // Redshift's snapshot isolation, with the snapshot of the first statement that reads or writes: LOCK is none.
    begin: async () => void (await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')),
    run: async (statement, queryId) => {
      const folder = await mkdtemp(join(tmpdir(), 'millrace-redshift-'));
      const session: Session = { client, pid, queryId, folder, record: async (sql, values) => void (await pool.query(sql, [...values])) };
      try {
        return await runOne(statement, session, options);
      } catch (error) {
        throw statementError(error);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    commit: async () => {
      await client.query('COMMIT').catch((error: unknown) => {
        throw statementError(error);
      });
    },
    end: async () => {
      const clean = await client.query('ROLLBACK').then(() => client.query('DISCARD ALL')).then(() => true, () => false);
      client.release(!clean);
    },
  };
}

async function runOne({ text, values }: BoundStatement, session: Session, { objects, roles, limits }: DatabaseOptions): Promise<Outcome> {
  const first = keyword(meaningful(tokensOf(text))[0]);
  if (isCopy(text) || isUnload(text)) {
    if (!objects) throw new StatementError('this server has no S3 behind it');
    const command = isCopy(text) ? parseCopy(text) : parseUnload(text);
    if (!roles.includes(command.role)) {
      throw new StatementError(`User arn:aws:redshift:eu-central-1:123456789012:dbuser:test is not authorized to assume IAM Role ${command.role}. Detail: error: Not authorized to assume IAM Role code: 8001`);
    }
    return { rows: 'table' in command ? await copy(command, session, objects) : await unload(command, session, objects) };
  }
  const { client } = session;
  if (first === 'TRUNCATE') return { rows: await truncate(client, text) };
  const sql = toPostgres(text);
  // With values or without, the extended protocol: it takes one statement only.
  const query: QueryArrayConfig & { queryMode: 'extended' } = { text: sql, values: [...values], rowMode: 'array', types: RAW, queryMode: 'extended' };
  const { fields, rows, rowCount } = await client.query<(string | null)[]>(query);
  return fields.length === 0 ? { rows: rowCount ?? -1 } : { rows: rows.length, result: resultSet(fields, rows, limits) };
}

/** In Redshift it commits the transaction that it stands in. https://docs.aws.amazon.com/redshift/latest/dg/r_TRUNCATE.html */
async function truncate(client: ClientBase, text: string): Promise<number> {
  await client.query(toPostgres(text));
  await client.query('COMMIT');
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  return 0;
}

/** PostgreSQL's refusals in Redshift's words, where an application may look for them. */
function statementError(error: unknown): Error {
  if (!(error instanceof DatabaseError)) return error instanceof Error ? error : new Error(String(error));
  if (error.code === '40001') return new StatementError('1023 Serializable isolation violation on table in Redshift, transactions forming the cycle are: concurrent update');
  if (error.code === '22012') return new StatementError('Divide by zero');
  // Two sessions created the same table: PostgreSQL tells of its catalogue's index.
  if (error.code === '23505' && error.table?.startsWith('pg_')) return new StatementError('Relation already exists');
  if (error.code === '57014') return new StatementError('Query cancelled on user\'s request');
  return new StatementError(error.message);
}
