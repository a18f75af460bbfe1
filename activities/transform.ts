import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import type { DatasetRef } from '../src/datasets/dataset-ref.js';
import { schemaFingerprint } from '../src/datasets/parquet-writer.js';
import type { DataInterval } from '../src/durable/data-interval.js';
import { interruptible, readText, sqlFiles, sqlString, withScratchDatabase } from '../src/duckdb/duckdb.js';
import { MillraceError } from '../src/errors.js';
import { loadSql } from '../src/sql-files.js';
import { localDataset, madeByThisStep, runPrefix, withScratchFolder, type Layer } from './datasets.js';
import type { Dependencies } from './dependencies.js';

/**
 * Row groups come out up to 2,047 rows larger than asked for, and must stay below the 122,880 of a DuckDB table's: above, every
 * group leaves a small one behind in the staging table, and the next checkpoints rewrite that table to merge them.
 */
const ROW_GROUP_ROWS = 120_832;

/** An in-memory DuckDB in which a step's datasets are joined and judged by the statements of `sql/`. */
export interface Transform {
  /** Runs the file `sql/<name>.sql`. There `read_parquet(getvariable('sales'))` reads an input. */
  run(name: string): Promise<void>;
  /** The rows of a query, every value as text. */
  read(sql: string): Promise<readonly (readonly (string | null)[])[]>;
  /** Writes a table to the lake as a Parquet file of this run. */
  write(layer: Layer, table: string): Promise<DatasetRef>;
}

/**
 * Opens the database with the variables `interval_start`, `interval_end`, one for every input (a list where it is given as a list), and
 * one list for each of `texts`. `timezone` is the zone of times that carry none. A statement that fails is `TRANSFORM_FAILED`: the same files give the same error.
 */
export async function withTransform<T>(
  deps: Dependencies,
  { inputs, texts = {}, interval, timezone }: { inputs: Readonly<Record<string, DatasetRef | readonly DatasetRef[]>>; texts?: Readonly<Record<string, readonly string[]>>; interval: DataInterval; timezone: string },
  use: (transform: Transform) => Promise<T>,
): Promise<T> {
  const { cancellationSignal: signal, info } = Context.current();
  const lake = deps.lake();
  return withScratchFolder(deps.limits, (folder) =>
    withScratchDatabase({ ...deps.limits, scratchDir: folder }, async (db) => {
      const execute = async (sql: string, where: string): Promise<void> => {
        await interruptible(db, signal, () => db.run(sql)).catch(transformFailed(`${info.activityId} of ${interval.label}`, where, signal));
      };
      for (const [name, ref] of Object.entries(inputs)) {
        const files: string[] = [];
        for (const dataset of [ref].flat()) files.push(await localDataset(lake, dataset, folder, signal));
        await execute(`SET VARIABLE ${name} = ${sqlFiles(files)}`, name);
      }
      for (const [name, values] of Object.entries(texts)) await execute(`SET VARIABLE ${name} = [${values.map(sqlString).join(', ')}]::VARCHAR[]`, name);
      await execute(`SET VARIABLE interval_start = ${utcTimestamp(interval.start)}`, 'interval');
      await execute(`SET VARIABLE interval_end = ${utcTimestamp(interval.end)}`, 'interval');
      await execute(`SET TimeZone = ${sqlString(timezone)}`, 'time zone');
      return use({
        run: async (name) => execute(await loadSql(name), `sql/${name}.sql`),
        read: (sql) => readText(db, sql),
        async write(layer, table) {
          const file = join(folder, `${table}.parquet`);
          await execute(`COPY (FROM ${table}) TO ${sqlString(file)} (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE ${ROW_GROUP_ROWS})`, table);
          const [count, columns, { size }] = await Promise.all([
            readText(db, `SELECT count(*) FROM read_parquet(${sqlFiles([file])})`),
            readText(db, `SELECT column_name, column_type FROM (DESCRIBE FROM read_parquet(${sqlFiles([file])}))`),
            stat(file),
          ]);
          const stored = await lake.putFile(`${runPrefix(layer, interval)}${table}.parquet`, file, { move: true, signal });
          return {
            uri: lake.uri(stored.key),
            format: 'parquet',
            rows: Number(count[0]![0]),
            bytes: size,
            schema: schemaFingerprint(columns as [string, string][]),
            madeBy: madeByThisStep(interval),
          };
        },
      });
    }),
  );
}

function utcTimestamp(iso: string): string {
  return `CAST(${sqlString(iso.replace('T', ' ').replace('Z', ''))} AS TIMESTAMP)`;
}

function transformFailed(step: string, where: string, signal: AbortSignal) {
  return (error: unknown): never => {
    signal.throwIfAborted();
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new MillraceError('TRANSFORM_FAILED', `${step}: ${reason}. The statement is ${where}.`, { cause: error });
  };
}
