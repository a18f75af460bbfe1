import { MillraceError } from '../errors.js';
import type { DuckDBLimits } from '../duckdb/duckdb.js';
import { portableColumns } from './native-types.js';
import { createTable, publishInOneBatch } from './redshift-publish.js';
import { describeTables } from './redshift-catalog.js';
import { redshiftDialect } from './redshift-dialect.js';
import { redshiftError } from './redshift-errors.js';
import { type CopyAccess, load, putFiles, type StagingArea, stagingFolder, unload } from './redshift-load.js';
import { checkOnlyReads } from './redshift-reading.js';
import { createRedshiftStatements, MOST_STATEMENT_BYTES, type RedshiftConnection } from './redshift-statements.js';
import { replacement } from './replace-rows.js';
import { checkColumns, checkStagingName } from './tables.js';
import type { ObjectReference, Warehouse } from './warehouse.js';

export interface RedshiftWarehouseOptions extends RedshiftConnection {
  /** Where COPY finds what this machine has; closed with the warehouse. */
  staging: StagingArea;
  /** The role that the cluster takes to read and write objects, or `default`. */
  iamRole: string;
  /** For the DuckDB that writes what COPY reads. */
  limits: DuckDBLimits;
  /** About the bytes of one file of a load; default 128 MiB. */
  fileBytes?: number;
}

/**
 * A warehouse in Amazon Redshift, provisioned or serverless, by its Data API: no connection is held, and a transaction that was
 * submitted ends by itself, whatever becomes of this process. Loads go through S3; publishers wait for each other on the ledger.
 */
export function createRedshiftWarehouse(options: RedshiftWarehouseOptions): Warehouse {
  const { staging: area, iamRole, limits, fileBytes } = options;
  const statements = createRedshiftStatements(options);
  const { identity } = statements;
  const copyAccess: CopyAccess = { statements, area, iamRole };

  const translated = async <T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      throw redshiftError(error, identity);
    }
  };

  return {
    dialect: redshiftDialect,
    capabilities: { transactionalDdl: true, merge: true, copyFromObjectStore: true, enforcedKeys: false },
    description: identity.description,

    stage: (staging, table, parquetFiles, call) =>
      translated(call.signal, async () => {
        checkStagingName(staging);
        call.signal.throwIfAborted();
        const { objects, rows } = await putFiles(area, staging, table, parquetFiles, { limits, fileBytes, signal: call.signal });
        const loaded = await load(copyAccess, { staging, table, objects, format: { kind: 'parquet' }, maxRejected: 0, rows }, call);
        return { rows: loaded.rows };
      }),

    stageObjects: (staging, table, objects, { format, maxRejected = 0, ...call }) =>
      translated(call.signal, () => {
        checkStagingName(staging);
        return load(copyAccess, { staging, table, objects, format, maxRejected, rows: knownRows(objects) }, call);
      }),

    unload: (sql, prefix, call) =>
      translated(call.signal, () => {
        checkOnlyReads(sql);
        return unload(copyAccess, sql, prefix, call);
      }),

    query: (sql, { signal, maxRows } = {}) =>
      translated(signal, async () => {
        checkOnlyReads(sql);
        const done = await statements.transaction([sql.trim().replace(/(\s*;)+$/, '')], { signal });
        return done.result(0, { maxRows });
      }),

    publish: (request, call) => translated(call.signal, () => publishInOneBatch(statements, request, call)),

    dropStaging: (names) =>
      translated(undefined, async () => {
        names.forEach(checkStagingName);
        if (names.length === 0) return;
        await statements.transaction([`DROP TABLE IF EXISTS ${names.map((name) => redshiftDialect.identifier(name)).join(', ')}`]);
        for (const name of names) await area.deletePrefix(stagingFolder(name));
      }),

    replaceRows: (table, where, rows) =>
      translated(undefined, async () => {
        const { remove, inserts } = replacement(redshiftDialect, table, where, rows, MOST_STATEMENT_BYTES);
        const found = (await describeTables(statements, [table.name])).get(table.name);
        if (found) checkColumns(redshiftDialect, table.name, table.columns, found, 'Migrate the table, or change the pipeline to fit it. Nothing was changed.');
        else await createTable(statements, table);
        await statements.transaction([`LOCK ${redshiftDialect.identifier(table.name)}`, remove, ...inserts]);
      }),

    describe: (table) =>
      translated(undefined, async () => {
        const columns = (await describeTables(statements, [table])).get(table);
        return columns && portableColumns(columns);
      }),

    check: () =>
      translated(undefined, async () => {
        const done = await statements.transaction(["SELECT version(), current_user, current_schema(), has_schema_privilege(current_schema(), 'CREATE')"]);
        const [version, user, schema, mayCreate] = (await done.result(0)).rows[0] ?? [];
        if (mayCreate !== true) {
          const place = schema === null ? 'any schema of its search path' : `schema ${String(schema)}`;
          throw new MillraceError('WAREHOUSE_FORBIDDEN', `Redshift ${identity.description}: user ${String(user)} may not create tables in ${place}. GRANT CREATE ON SCHEMA … TO ${String(user)}.`);
        }
        await area.check();
        const release = /Redshift ([\d.]+)/.exec(String(version))?.[1] ?? '';
        return `Redshift ${release} at ${identity.description} takes tables of ${String(user)} in schema ${String(schema)}, and its staging folder can be written`;
      }),

    close: async () => {
      await statements.close();
      await area.close();
    },
  };
}

/** Where the rows of one object are not known, neither is their sum. */
function knownRows(objects: readonly ObjectReference[]): number | undefined {
  let sum = 0;
  for (const { rows } of objects) {
    if (rows === undefined) return undefined;
    sum += rows;
  }
  return sum;
}
