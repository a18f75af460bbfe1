import { basename } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { interruptible, sqlFiles, sqlIdentifier } from '../duckdb/duckdb.js';
import { MillraceError } from '../errors.js';
import type { Dialect } from './dialect.js';
import { duckdbDialect } from './duckdb-dialect.js';
import type { Column, TableSpec } from './warehouse.js';

/** The rows of Parquet files as a DuckDB SELECT with exactly the table's columns and types. */
export interface StagedFiles {
  select: string;
  /** What the files say of themselves, to be compared with the rows that were loaded. */
  rows: number;
}

export interface ReadingOptions {
  /** Of the warehouse that the rows are for: names its types in messages. */
  dialect: Dialect;
  /** A DuckDB predicate for texts that this warehouse cannot store. */
  unstorableText?: (value: string) => string;
  signal: AbortSignal;
}

/**
 * Looks at the files' columns before anything is loaded: `SCHEMA_MISMATCH` names the missing and the unknown ones,
 * `WAREHOUSE_REJECTED` the first column with values that the table's type cannot hold unchanged, with an example.
 */
export async function readStagedFiles(connection: DuckDBConnection, table: TableSpec, files: readonly string[], options: ReadingOptions): Promise<StagedFiles> {
  if (files.length === 0) return { select: `SELECT ${castColumns(table.columns, () => 'NULL')} WHERE false`, rows: 0 };
  const read = async (sql: string): Promise<unknown[][]> => {
    const reader = await interruptible(connection, options.signal, () => connection.runAndReadAll(sql));
    return reader.getRows();
  };
  for (const file of files) {
    const names = (await read(`DESCRIBE FROM read_parquet(${sqlFiles([file])})`)).map(([name]) => String(name));
    checkFileColumns(table, names, file);
  }
  // By name: files of one dataset may order their columns differently, or need a wider type than the first file does.
  const source = `read_parquet(${sqlFiles(files)}, union_by_name = ${files.length > 1})`;
  const types = new Map((await read(`DESCRIBE FROM ${source}`)).map(([name, type]) => [String(name), String(type)]));
  await checkValues(table, types, source, options, read);
  const [total] = await read(`SELECT sum(num_rows) FROM parquet_file_metadata(${sqlFiles(files)})`);
  return { select: `SELECT ${castColumns(table.columns, (column) => readable(column, types.get(column.name)!))} FROM ${source}`, rows: Number(total?.[0]) };
}

/** Throws unless every row of the files has arrived. */
export function checkLoaded(staging: string, loaded: number, files: StagedFiles): void {
  if (loaded !== files.rows) throw new MillraceError('WAREHOUSE_REJECTED', `${loaded} rows arrived in ${staging}, but the staged files hold ${files.rows}. The load was undone.`);
}

function castColumns(columns: readonly Column[], value: (column: Column) => string): string {
  return columns.map((column) => `CAST(${value(column)} AS ${duckdbDialect.type(column.type)}) AS ${sqlIdentifier(column.name)}`).join(', ');
}

/** The column as it is cast: DuckDB drops the offset of a text that it makes a TIMESTAMP of, but not of one with a time zone. */
function readable({ name, type }: Column, found: string): string {
  return type === 'timestamp' && found === 'VARCHAR' ? `TRY_CAST(${sqlIdentifier(name)} AS TIMESTAMPTZ)` : sqlIdentifier(name);
}

function checkFileColumns(table: TableSpec, found: readonly string[], file: string): void {
  const wanted = table.columns.map((column) => column.name);
  const missing = wanted.filter((name) => !found.includes(name));
  const unknown = found.filter((name) => !wanted.includes(name));
  const problems = [missing.length > 0 && `lacks ${missing.join(', ')}`, unknown.length > 0 && `has ${unknown.join(', ')}, which the table does not`];
  if (missing.length + unknown.length === 0) return;
  throw new MillraceError('SCHEMA_MISMATCH', `The file ${basename(file)} does not fit table ${table.name}: it ${problems.filter(Boolean).join(', and ')}. Nothing was loaded.`, {
    details: { table: table.name, missing, unknown },
  });
}

/** One scan over those columns whose type in the files does not show that every value fits. */
async function checkValues(
  table: TableSpec,
  types: ReadonlyMap<string, string>,
  source: string,
  { dialect, unstorableText }: ReadingOptions,
  read: (sql: string) => Promise<unknown[][]>,
): Promise<void> {
  const doubtful = table.columns.flatMap((column) => {
    const misfit = column.type === 'text' ? unstorableText?.(sqlIdentifier(column.name)) : misfitCondition(column, types.get(column.name)!);
    return misfit === undefined ? [] : [{ column, misfit }];
  });
  if (doubtful.length === 0) return;
  const measures = doubtful.flatMap(({ column, misfit }) => [
    `count(*) FILTER (WHERE ${misfit})`,
    `any_value(CAST(${sqlIdentifier(column.name)} AS VARCHAR)) FILTER (WHERE ${misfit})`,
  ]);
  const [measured = []] = await read(`SELECT ${measures.join(', ')} FROM ${source}`);
  for (const [index, { column }] of doubtful.entries()) {
    const count = Number(measured[2 * index]);
    if (count === 0) continue;
    const example = JSON.stringify(String(measured[2 * index + 1]).slice(0, 80));
    throw new MillraceError(
      'WAREHOUSE_REJECTED',
      `${count} value${count === 1 ? '' : 's'} of column ${column.name} cannot be stored unchanged as ${dialect.type(column.type)} in table ${table.name}, for example ${example}. ` +
        'Quarantine or convert them in the transform. Nothing was loaded.',
      { details: { table: table.name, column: column.name, values: count, example } },
    );
  }
}

/** A predicate for values that a cast would refuse, round or cut off; `undefined` where the type alone shows that there are none. */
function misfitCondition(column: Column, found: string): string | undefined {
  const wanted = duckdbDialect.type(column.type);
  if (found === wanted) return undefined;
  const value = sqlIdentifier(column.name);
  const refused = `TRY_CAST(${readable(column, found)} AS ${wanted}) IS NULL`;
  const changed = changedByCast(column, found, value);
  return `${value} IS NOT NULL AND (${changed === undefined ? refused : `${refused} OR ${changed}`})`;
}

function changedByCast({ type }: Column, found: string, value: string): string | undefined {
  const float = found === 'DOUBLE' || found === 'FLOAT';
  if (type === 'integer' || type === 'bigint') return float ? `${value} <> trunc(${value})` : digitsBeyond(value, 0);
  // A double has no exact decimal digits that could be lost.
  if (typeof type === 'object') return float ? undefined : digitsBeyond(value, type.decimal[1]);
  return type === 'date' ? `TRY_CAST(${value} AS TIMESTAMP) <> TRY_CAST(TRY_CAST(${value} AS DATE) AS TIMESTAMP)` : undefined;
}

/** Digits after the point that are not zero, beyond the given number of them. */
function digitsBeyond(value: string, scale: number): string {
  return `regexp_matches(CAST(${value} AS VARCHAR), '\\.[0-9]{${scale}}[0-9]*[1-9][0-9]*\\s*$')`;
}
