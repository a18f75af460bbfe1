import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { interruptible, sqlIdentifier, sqlString, withScratchDatabase, type DuckDBLimits } from '../duckdb/duckdb.js';
import { MillraceError } from '../errors.js';
import { duckdbError } from './duckdb-errors.js';
import { portableColumns } from './native-types.js';
import { postgresDialect } from './postgres-dialect.js';
import { createPostgresSessions, type PostgresConnection } from './postgres-sessions.js';
import { inPostgresTransaction, type PostgresTransaction } from './postgres-transaction.js';
import { publishTables } from './publish-tables.js';
import { replaceRows } from './replace-rows.js';
import { checkLoaded, readStagedFiles, type StagedFiles } from './staged-files.js';
import { checkStagingName, columnDefinitions } from './tables.js';
import type { TableSpec, Warehouse } from './warehouse.js';

export interface PostgresWarehouseOptions extends PostgresConnection {
  /** For the DuckDB that turns Parquet into what COPY reads; `scratchDir` takes one staged load as CSV. */
  limits: DuckDBLimits;
}

/**
 * A warehouse in a PostgreSQL database (12 or later). Loads run at the speed of COPY with bounded memory; publishers of
 * the same interval wait for each other on its ledger row, for 30 seconds at most (`WAREHOUSE_BUSY`).
 */
export function createPostgresWarehouse(options: PostgresWarehouseOptions): Warehouse {
  const sessions = createPostgresSessions(options);
  const { identity } = sessions;
  const write = <T>(signal: AbortSignal | undefined, work: (tx: PostgresTransaction) => Promise<T>): Promise<T> => inPostgresTransaction(sessions, { signal }, work);

  return {
    dialect: postgresDialect,
    capabilities: { transactionalDdl: true, merge: true, copyFromObjectStore: false, enforcedKeys: true },
    description: identity.description,

    stage: async (staging, table, parquetFiles, { signal }) => {
      checkStagingName(staging);
      return withCsv(table, parquetFiles, options.limits, signal, (csv, files) =>
        write(signal, async (tx) => {
          const name = postgresDialect.identifier(staging);
          await tx.run(`DROP TABLE IF EXISTS ${name}`);
          await tx.run(`CREATE TABLE ${name} (${columnDefinitions(postgresDialect, table.columns, 'staging')})`);
          const rows = await tx.copyCsv(staging, table.columns.map((column) => column.name), csv);
          checkLoaded(staging, rows, files);
          return { rows };
        }),
      );
    },

    query: (sql, { signal, maxRows } = {}) => inPostgresTransaction(sessions, { signal, readOnly: true }, (tx) => tx.read(sql, maxRows)),

    publish: (request, { signal }) => write(signal, (tx) => publishTables(tx, request)),

    dropStaging: async (names) => {
      names.forEach(checkStagingName);
      if (names.length === 0) return;
      await write(undefined, (tx) => tx.run(`DROP TABLE IF EXISTS ${names.map((name) => postgresDialect.identifier(name)).join(', ')}`));
    },

    replaceRows: (table, where, rows) => write(undefined, (tx) => replaceRows(tx, table, where, rows)),

    describe: async (table) => {
      const columns = await inPostgresTransaction(sessions, { signal: undefined, readOnly: true }, (tx) => tx.columnsOf(table));
      return columns && portableColumns(columns);
    },

    check: async () => {
      const [row = []] = await inPostgresTransaction(sessions, { signal: undefined, readOnly: true }, (tx) =>
        tx.rows("SELECT current_setting('server_version'), current_schema(), has_schema_privilege(current_schema(), 'CREATE')"),
      );
      const [version, schema, mayCreate] = row;
      if (mayCreate !== true) {
        const place = schema === null ? 'any schema of its search path' : `schema ${String(schema)}`;
        throw new MillraceError('WAREHOUSE_FORBIDDEN', `PostgreSQL ${identity.description}: user ${identity.user} may not create tables in ${place}. GRANT CREATE ON SCHEMA … TO ${identity.user}.`);
      }
      return `PostgreSQL ${String(version)} at ${identity.description} takes tables of ${identity.user} in schema ${String(schema)}`;
    },

    close: () => sessions.close(),
  };
}

/** Gives `use` the files' rows as CSV, in which a text is always quoted and NULL never is: an empty text stays one. */
async function withCsv<T>(
  table: TableSpec,
  parquetFiles: readonly string[],
  limits: DuckDBLimits,
  signal: AbortSignal,
  use: (csv: string, files: StagedFiles) => Promise<T>,
): Promise<T> {
  await mkdir(limits.scratchDir, { recursive: true });
  const folder = await mkdtemp(join(limits.scratchDir, 'copy-'));
  try {
    const csv = join(folder, 'rows.csv');
    const files = await writeCsv(csv, table, parquetFiles, limits, signal);
    return await use(csv, files);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeCsv(csv: string, table: TableSpec, parquetFiles: readonly string[], limits: DuckDBLimits, signal: AbortSignal): Promise<StagedFiles> {
  const texts = table.columns.filter((column) => column.type === 'text').map((column) => sqlIdentifier(column.name));
  const quoted = texts.length === 0 ? '' : `, FORCE_QUOTE (${texts.join(', ')})`;
  try {
    return await withScratchDatabase(limits, async (connection) => {
      const files = await readStagedFiles(connection, table, parquetFiles, { dialect: postgresDialect, unstorableText: (value) => `contains(${value}, chr(0))`, signal });
      await interruptible(connection, signal, () => connection.run(`COPY (${files.select}) TO ${sqlString(csv)} (FORMAT csv, HEADER false${quoted})`));
      return files;
    });
  } catch (error) {
    signal.throwIfAborted();
    throw duckdbError(error, 'reading the staged files');
  }
}
