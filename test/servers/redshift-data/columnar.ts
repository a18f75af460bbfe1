import { sqlFiles, sqlIdentifier, sqlString, withScratchDatabase } from '../../../src/duckdb/duckdb.js';
import { StatementError } from './api-error.js';
import type { TableColumn } from './session.js';

const limits = (folder: string) => ({ memoryLimit: '256MB', threads: 1, scratchDir: folder });

/** A Parquet file's rows as CSV in which texts are quoted and NULLs are not; refused, as by Redshift, unless each type is the column's own. */
export async function parquetToCsv(file: string, csv: string, { uri, columns, folder }: { uri: string; columns: readonly TableColumn[]; folder: string }): Promise<void> {
  await withScratchDatabase(limits(folder), async (connection) => {
    const source = `read_parquet(${sqlFiles([file])})`;
    const described = await connection.runAndReadAll(`DESCRIBE FROM ${source}`).catch((error: unknown) => {
      throw new StatementError(`Spectrum Scan Error. File '${uri}' is not a valid Parquet file: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''}`);
    });
    const found = described.getRows().map(([name, type]) => ({ name: String(name), type: String(type) }));
    if (found.length !== columns.length) throw new StatementError(`Spectrum Scan Error. Number of columns in the file (${found.length}) and in the table (${columns.length}) do not match`);
    const texts: string[] = [];
    for (const [index, column] of columns.entries()) {
      const { name, type } = found[index]!;
      if (!fits(column.type, type)) throw new StatementError(`Spectrum Scan Error. File '${uri}' has an incompatible Parquet schema for column '${uri}.${name}'. Column type: ${column.type.toUpperCase()}, Parquet schema: optional ${type} ${name}`);
      const length = /^character varying\((\d+)\)$/.exec(column.type)?.[1];
      if (length === undefined) continue;
      texts.push(sqlIdentifier(name));
      const [longest] = (await connection.runAndReadAll(`SELECT max(strlen(${sqlIdentifier(name)})) FROM ${source}`)).getRows();
      if (Number(longest?.[0] ?? 0) > Number(length)) {
        throw new StatementError(`Spectrum Scan Error. The length of the data column ${name} is longer than the length defined in the table. Table: ${length}, Data: ${String(longest?.[0])}, File name: ${uri}`);
      }
    }
    const quoted = texts.length === 0 ? '' : `, FORCE_QUOTE (${texts.join(', ')})`;
    await connection.run(`COPY (SELECT * FROM ${source}) TO ${sqlString(csv)} (FORMAT csv, HEADER false${quoted})`);
  });
}

function fits(column: string, parquet: string): boolean {
  const [, precision, scale] = /^numeric\((\d+),(\d+)\)$/.exec(column) ?? [];
  if (precision !== undefined) return parquet === `DECIMAL(${precision},${scale})`;
  if (column.startsWith('character varying')) return parquet === 'VARCHAR';
  return PARQUET_TYPES[column] === parquet;
}

const PARQUET_TYPES: Readonly<Record<string, string>> = {
  boolean: 'BOOLEAN',
  smallint: 'SMALLINT',
  integer: 'INTEGER',
  bigint: 'BIGINT',
  real: 'FLOAT',
  'double precision': 'DOUBLE',
  date: 'DATE',
  'timestamp without time zone': 'TIMESTAMP',
};

/** The other way round: CSV as PostgreSQL writes it, texts quoted. Types are spelt as `format_type` does. */
export async function csvToParquet(csv: string, file: string, columns: readonly { name: string; type: string }[], folder: string): Promise<void> {
  await withScratchDatabase(limits(folder), async (connection) => {
    const types = columns.map(({ name, type }) => `${sqlString(name)}: ${sqlString(duckdbType(type))}`).join(', ');
    await connection.run(
      `COPY (SELECT * FROM read_csv(${sqlFiles([csv])}, columns = {${types}}, header = false, auto_detect = false, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, max_line_size = 4000000)) ` +
        `TO ${sqlString(file)} (FORMAT parquet)`,
    );
  });
}

function duckdbType(type: string): string {
  const [, precision, scale] = /^numeric\((\d+),(\d+)\)$/.exec(type) ?? [];
  if (precision !== undefined) return `DECIMAL(${precision},${scale})`;
  return type === 'numeric' ? 'DECIMAL(38,4)' : (PARQUET_TYPES[type] ?? 'VARCHAR');
}
