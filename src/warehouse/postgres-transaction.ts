import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { ClientBase, CustomTypesConfig, FieldDef, QueryResult as PgResult } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import Cursor from 'pg-cursor';
import { holderOf, insertClaim, LEDGER, selectHolder } from './ledger.js';
import { isoUtc } from './moments.js';
import { postgresDialect } from './postgres-dialect.js';
import { postgresError } from './postgres-errors.js';
import type { PostgresSessions } from './postgres-sessions.js';
import type { SqlTransaction } from './sql-transaction.js';
import { columnDefinitions, columnList } from './tables.js';
import type { QueryResult, SqlValue, TableSpec } from './warehouse.js';

export interface PostgresTransaction extends SqlTransaction {
  /** Loads a CSV file whose texts are quoted and whose NULLs are not; returns the rows that arrived. */
  copyCsv(table: string, columns: readonly string[], file: string): Promise<number>;
  /** Any one statement; reads no more than `maxRows` rows from the server. */
  read(sql: string, maxRows: number | undefined): Promise<QueryResult>;
}

type RawValue = string | null;

/** Values stay the text that the server sent, until `sqlValue` reads them by their type. */
const RAW: CustomTypesConfig = { getTypeParser: () => (value: string | Buffer) => String(value) };

const READ_BYTES = 1 << 20;

/** Runs `work` in a transaction of a session of its own: committed when it succeeds, rolled back when it throws or `signal` aborts. */
export function inPostgresTransaction<T>(
  sessions: PostgresSessions,
  options: { signal: AbortSignal | undefined; readOnly?: boolean },
  work: (tx: PostgresTransaction) => Promise<T>,
): Promise<T> {
  return sessions.use(options.signal, `BEGIN ISOLATION LEVEL READ COMMITTED${options.readOnly ? ' READ ONLY' : ''}`, async (client) => {
    const tx = postgresTransaction(client, sessions, options.signal);
    try {
      const result = await work(tx);
      await tx.run('COMMIT');
      return result;
    } catch (error) {
      // A session that cannot roll back is lost, and the server rolls back itself.
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  });
}

function postgresTransaction(client: ClientBase, { identity }: PostgresSessions, signal: AbortSignal | undefined): PostgresTransaction {
  const guarded = async <T>(sql: string, work: () => Promise<T>): Promise<T> => {
    signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      throw postgresError(error, identity, sql);
    }
  };
  const answer = (sql: string): Promise<{ fields: FieldDef[]; rows: RawValue[][] }> =>
    guarded(sql, () => client.query<RawValue[]>({ text: sql, rowMode: 'array', types: RAW }));
  const tx: PostgresTransaction = {
    dialect: postgresDialect,
    run: (sql) => guarded(sql, async () => (await client.query(sql)).rowCount ?? 0),
    rows: async (sql) => sqlRows(await answer(sql)),
    columnsOf: async (table) => {
      const columns = await tx.rows(
        'SELECT attname::text, format_type(atttypid, atttypmod), NOT attnotnull FROM pg_attribute ' +
          `WHERE attrelid = (${selectRelation(table)}) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
      );
      if (columns.length === 0) return undefined;
      return columns.map(([name, type, nullable]) => ({ name: String(name), type: String(type), nullable: nullable === true }));
    },
    columnsOfQuery: async (sql) => (await answer(`${sql} LIMIT 0`)).fields.map((field) => field.name),
    createTable: async (table) => {
      // CREATE TABLE IF NOT EXISTS fails when two sessions create the same table at the same time.
      await tx.run(`SELECT pg_advisory_xact_lock(hashtext(${postgresDialect.literal(`millrace table ${table.name}`, 'text')}))`);
      if ((await tx.rows(selectRelation(table.name))).length > 0) return false;
      await createTargetTable(tx, table);
      return true;
    },
    lockTable: async (table) => {
      await tx.run(`LOCK TABLE ${postgresDialect.identifier(table)} IN SHARE ROW EXCLUSIVE MODE`);
    },
    claimInterval: async (claim) => {
      const identifier = (name: string): string => postgresDialect.identifier(name);
      const ledger = identifier(LEDGER.name);
      const changes = LEDGER.columns.map(({ name }) => `${identifier(name)} = excluded.${identifier(name)}`).join(', ');
      // Waits for a publisher that holds the row, and sees what that one has committed.
      const claimed = await tx.run(
        `${insertClaim(postgresDialect, claim)} ON CONFLICT (${columnList(postgresDialect, LEDGER.key)}) DO UPDATE SET ${changes} WHERE ${ledger}.generation <= excluded.generation`,
      );
      return claimed === 1 ? undefined : holderOf((await tx.rows(selectHolder(postgresDialect, claim)))[0]);
    },
    copyCsv: (table, columns, file) => {
      const sql = `COPY ${postgresDialect.identifier(table)} (${columnList(postgresDialect, columns)}) FROM STDIN (FORMAT csv, ENCODING 'UTF8')`;
      return guarded(sql, async () => {
        const stream = client.query(copyFrom(sql));
        await pipeline(createReadStream(file, { highWaterMark: READ_BYTES }), stream);
        return stream.rowCount;
      });
    },
    read: (sql, maxRows) => guarded(sql, () => readWithCursor(client, sql, maxRows)),
  };
  return tx;
}

/**
 * The number of the table or view that the name means in this session. Asks the catalogue itself: `to_regclass` goes on
 * denying, for the rest of a transaction, a table that another session has created in the meantime.
 */
function selectRelation(table: string): string {
  return (
    'SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace ' +
    `WHERE c.relname = ${postgresDialect.literal(table, 'text')} AND n.nspname = ANY (current_schemas(false)) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ` +
    'ORDER BY array_position(current_schemas(false), n.nspname) LIMIT 1'
  );
}

async function createTargetTable(tx: SqlTransaction, { name, columns }: TableSpec): Promise<void> {
  const table = postgresDialect.identifier(name);
  const key = name === LEDGER.name ? `, PRIMARY KEY (${columnList(postgresDialect, LEDGER.key)})` : '';
  await tx.run(`CREATE TABLE ${table} (${columnDefinitions(postgresDialect, columns, 'target')}${key})`);
  // Costs next to nothing to keep, and lets an interval be found and replaced without reading the whole table.
  if (!key && columns.some((column) => column.name === 'interval_start')) await tx.run(`CREATE INDEX ON ${table} USING brin (interval_start)`);
}

/** The extended protocol takes one statement only, so that none can slip out of the read-only transaction behind another. */
async function readWithCursor(client: ClientBase, sql: string, maxRows: number | undefined): Promise<QueryResult> {
  const cursor = client.query(new Cursor<RawValue[]>(sql, [], { rowMode: 'array', types: RAW }));
  // To the protocol, 0 means all.
  const limit = maxRows === undefined ? 0 : Math.max(maxRows, 1);
  const { rows, fields } = await new Promise<{ rows: RawValue[][]; fields: FieldDef[] }>((resolve, reject) => {
    cursor.read(limit, (error: Error | null | undefined, read: RawValue[][], result: PgResult) => {
      if (error) reject(error);
      else resolve({ rows: read, fields: result.fields });
    });
  });
  await cursor.close();
  return { columns: fields.map((field) => field.name), rows: sqlRows({ rows: rows.slice(0, maxRows), fields }) };
}

function sqlRows({ rows, fields }: { rows: RawValue[][]; fields: FieldDef[] }): SqlValue[][] {
  return rows.map((row) => row.map((value, index) => (value === null ? null : sqlValue(value, fields[index]!.dataTypeID))));
}

/** A value as every adapter returns it, by its type's number in pg_type: see `SqlValue`. */
function sqlValue(text: string, type: number): SqlValue {
  switch (type) {
    case 16: // boolean
      return text === 't';
    case 21: // smallint
    case 23: // integer
    case 26: // oid
    case 700: // real
    case 701: // double precision
      return Number(text);
    case 1114: // timestamp
      return isoUtc(text);
    case 1184: // timestamp with time zone, printed in the session's zone
      return isoUtc(text.replace(/\+00$/, ''));
    default:
      return text;
  }
}
