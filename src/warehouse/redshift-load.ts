import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { interruptible, sqlString, withScratchDatabase, type DuckDBLimits } from '../duckdb/duckdb.js';
import { MillraceError } from '../errors.js';
import { duckdbError } from './duckdb-errors.js';
import { LONGEST_TEXT, redshiftDialect } from './redshift-dialect.js';
import { isBrokenRule, redshiftError, StatementFailed } from './redshift-errors.js';
import { countRejected, loggedLoad, rejectedRows, rowsInWords } from './redshift-load-errors.js';
import type { RedshiftStatements } from './redshift-statements.js';
import { readStagedFiles } from './staged-files.js';
import { columnDefinitions, columnList } from './tables.js';
import type { ObjectFormat, ObjectReference, StagedObjects, StatementOptions, TableSpec } from './warehouse.js';

/** Where COPY finds what this machine has: an object store, as far as it is needed here. */
export interface StagingArea {
  uri(key: string): string;
  put(key: string, body: string, options: { signal: AbortSignal }): Promise<unknown>;
  putFile(key: string, file: string, options: { signal: AbortSignal }): Promise<unknown>;
  deletePrefix(prefix: string): Promise<number>;
  check(): Promise<string>;
  close(): Promise<void>;
}

export interface CopyAccess {
  statements: RedshiftStatements;
  area: StagingArea;
  /** The role that the cluster takes to read and write objects; `default`: the cluster's default role. */
  iamRole: string;
}

/** Several slices load at the same time, one file each. https://docs.aws.amazon.com/redshift/latest/dg/c_best-practices-use-multiple-files.html */
const FILE_BYTES = 128 * 1024 * 1024;
/** What Redshift allows; above it there is only "fail". */
const MOST_REJECTED = 99_999;

/** Where a staging table's files and manifests are, for as long as the table is there. */
export function stagingFolder(staging: string): string {
  return `${encodeURIComponent(staging)}/`;
}

/**
 * Writes the rows of local files as Parquet of exactly the table's types, and puts them into the staging area under names made of
 * their content: an attempt that overlaps another one never replaces an object that is being loaded.
 */
export async function putFiles(
  area: StagingArea,
  staging: string,
  table: TableSpec,
  parquetFiles: readonly string[],
  { limits, fileBytes = FILE_BYTES, signal }: { limits: DuckDBLimits; fileBytes?: number | undefined; signal: AbortSignal },
): Promise<{ objects: ObjectReference[]; rows: number }> {
  await mkdir(limits.scratchDir, { recursive: true });
  const scratch = await mkdtemp(join(limits.scratchDir, 'copy-'));
  try {
    const folder = join(scratch, 'files');
    const rows = await writeFiles(folder, { table, parquetFiles, fileBytes }, limits, signal);
    const objects: ObjectReference[] = [];
    for (const name of rows === 0 ? [] : (await readdir(folder)).toSorted()) {
      const file = join(folder, name);
      const key = `${stagingFolder(staging)}${await contentName(file)}.parquet`;
      await area.putFile(key, file, { signal });
      objects.push({ uri: area.uri(key), bytes: (await stat(file)).size });
    }
    return { objects, rows };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function writeFiles(
  folder: string,
  { table, parquetFiles, fileBytes }: { table: TableSpec; parquetFiles: readonly string[]; fileBytes: number },
  limits: DuckDBLimits,
  signal: AbortSignal,
): Promise<number> {
  try {
    return await withScratchDatabase(limits, async (connection) => {
      const unstorableText = (value: string): string => `(contains(${value}, chr(0)) OR strlen(${value}) > ${LONGEST_TEXT})`;
      const files = await readStagedFiles(connection, table, parquetFiles, { dialect: redshiftDialect, unstorableText, signal });
      if (files.rows > 0) await interruptible(connection, signal, () => connection.run(`COPY (${files.select}) TO ${sqlString(folder)} (FORMAT parquet, FILE_SIZE_BYTES ${fileBytes})`));
      return files.rows;
    });
  } catch (error) {
    signal.throwIfAborted();
    throw duckdbError(error, 'reading the staged files');
  }
}

async function contentName(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

export interface LoadRequest {
  staging: string;
  table: TableSpec;
  objects: readonly ObjectReference[];
  format: ObjectFormat;
  maxRejected: number;
  /** What must arrive, where it is known. */
  rows: number | undefined;
}

/** A fresh staging table, filled by COPY from exactly these objects, in one transaction. */
export async function load({ statements, area, iamRole }: CopyAccess, request: LoadRequest, options: StatementOptions): Promise<StagedObjects> {
  const { staging, table, objects, rows: expected } = request;
  const name = redshiftDialect.identifier(staging);
  const fresh = [`DROP TABLE IF EXISTS ${name}`, `CREATE TABLE ${name} (${columnDefinitions(redshiftDialect, table.columns, 'staging')})`];
  if (objects.length === 0) {
    await statements.transaction(fresh, options);
    return { rows: 0, rejected: 0, rejects: [] };
  }
  const manifest = await putManifest(area, staging, objects, options.signal);
  const count = `SELECT COUNT(*) FROM ${name}`;
  const arrived = expected === undefined || request.maxRejected > 0 ? [] : [`SELECT 1 / (CASE WHEN COUNT(*) = ${expected} THEN 1 ELSE 0 END) FROM ${name}`];
  const sqls = [...fresh, copyStatement(request, manifest, iamRole), count, ...arrived];
  const copied = fresh.length;
  try {
    const done = await statements.transaction(sqls, options);
    const rows = Number((await done.result(copied + 1)).rows[0]?.[0]);
    const logged = loggedLoad(done.loggedAs, copied);
    const rejected = request.maxRejected === 0 ? 0 : await countRejected(statements, logged, options.signal);
    if (expected !== undefined && rows + rejected !== expected) {
      await statements.transaction([`DROP TABLE IF EXISTS ${name}`], { signal: options.signal });
      throw lost(staging, `${rows} rows arrived and ${rejected} were rejected`, expected);
    }
    return { rows, rejected, rejects: rejected === 0 ? [] : await rejectedRows(statements, logged, options.signal) };
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    if (error.step === copied + 2 && isBrokenRule(error)) throw lost(staging, 'another number of rows arrived', expected);
    if (error.step !== copied || !/load_error|load into table/i.test(error.message)) throw error;
    const rejects = await rejectedRows(statements, loggedLoad(error.loggedAs, copied), options.signal).catch(() => []);
    if (rejects.length === 0) throw error;
    const { message } = redshiftError(error, statements.identity);
    throw new MillraceError('WAREHOUSE_REJECTED', `Loading ${table.name} into ${staging} was refused: ${rowsInWords(rejects)}. Nothing was loaded. ${message}`, { cause: error, details: { table: table.name, rejects } });
  }
}

function lost(staging: string, what: string, expected: number | undefined): MillraceError {
  return new MillraceError('WAREHOUSE_REJECTED', `${what} in ${staging}, but the objects hold ${expected}. The load was undone.`);
}

/** COPY would load every object that its address begins with; with a manifest it loads these and fails when one is missing. */
async function putManifest(area: StagingArea, staging: string, objects: readonly ObjectReference[], signal: AbortSignal): Promise<string> {
  const entries = objects.map(({ uri, bytes }) => ({ url: uri, mandatory: true, meta: { content_length: bytes } }));
  const text = JSON.stringify({ entries }, null, 2);
  const key = `${stagingFolder(staging)}${createHash('sha256').update(text).digest('hex')}.manifest`;
  await area.put(key, text, { signal });
  return area.uri(key);
}

function copyStatement({ staging, table, format, maxRejected }: LoadRequest, manifest: string, iamRole: string): string {
  const text = (value: string): string => redshiftDialect.literal(value, 'text');
  const into = redshiftDialect.identifier(staging);
  const start = `FROM ${text(manifest)} IAM_ROLE ${roleText(iamRole)} MANIFEST`;
  if (format.kind === 'parquet') {
    if (maxRejected > 0) throw new MillraceError('WAREHOUSE_REJECTED', 'Redshift takes a Parquet file as a whole or not at all: rows of it cannot be rejected one by one');
    return `COPY ${into} ${start} FORMAT AS PARQUET`;
  }
  if (maxRejected > MOST_REJECTED) throw new MillraceError('WAREHOUSE_REJECTED', `Redshift counts no more than ${MOST_REJECTED} rejected rows`);
  const columns = columnList(redshiftDialect, format.columns ?? table.columns.map((column) => column.name));
  const options = [
    `FORMAT AS CSV DELIMITER ${text(format.delimiter ?? ',')}`,
    ...(format.header ? ['IGNOREHEADER 1'] : []),
    ...(format.gzip ? ['GZIP'] : []),
    format.nullAs === undefined ? 'EMPTYASNULL' : `NULL AS ${text(format.nullAs)}`,
    "DATEFORMAT 'auto' TIMEFORMAT 'auto'",
    // The load fails at this many errors, not beyond it.
    ...(maxRejected > 0 ? [`MAXERROR ${maxRejected + 1}`] : []),
  ];
  return `COPY ${into} (${columns}) ${start} ${options.join(' ')}`;
}

/** Rows of a query as Parquet objects below a prefix, with a manifest that counts them. */
export async function unload({ statements, iamRole }: CopyAccess, sql: string, prefix: string, options: StatementOptions): Promise<{ rows: number; manifest: string }> {
  const text = (value: string): string => redshiftDialect.literal(value, 'text');
  // The query is a string here, in which its own quotation marks and backslashes are escaped.
  const query = `'${sql.trim().replace(/;\s*$/, '').replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
  const done = await statements.transaction(
    [`UNLOAD (${query}) TO ${text(prefix)} IAM_ROLE ${roleText(iamRole)} FORMAT AS PARQUET MANIFEST VERBOSE ALLOWOVERWRITE`, 'SELECT pg_last_unload_count()'],
    options,
  );
  return { rows: Number((await done.result(1)).rows[0]?.[0]), manifest: `${prefix}manifest` };
}

function roleText(iamRole: string): string {
  return iamRole === 'default' ? 'default' : redshiftDialect.literal(iamRole, 'text');
}
