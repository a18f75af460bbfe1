import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { parse as csvParser } from 'csv-parse';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { StatementError } from './api-error.js';
import { parquetToCsv } from './columnar.js';
import { rejectionOf, type Rejection } from './load-checks.js';
import type { Objects } from './objects.js';
import type { CopyCommand } from './s3-commands.js';
import { columnsOf, type Session, type TableColumn } from './session.js';

interface DataFile {
  uri: string;
  /** What the manifest says; needed for columnar formats. */
  bytes: number | undefined;
}

/** Redshift's COPY from S3: reads the manifest, then each file into the table, inside the session's transaction. Returns the rows loaded. */
export async function copy(command: CopyCommand, session: Session, objects: Objects): Promise<number> {
  const { id, columns } = await columnsOf(session, command.table);
  const wanted = command.columns.length === 0 ? columns : command.columns.map((name) => columnNamed(columns, name));
  const files = command.manifest ? await filesOfManifest(command, objects) : (await objects.list(command.from)).map((uri): DataFile => ({ uri, bytes: undefined }));
  if (files.length === 0) throw new StatementError(`The specified S3 prefix '${command.from.replace(/^s3:\/\/[^/]+\//, '')}' does not exist`);
  let rows = 0;
  let rejected = 0;
  for (const [index, file] of files.entries()) {
    const local = join(session.folder, `file-${index}`);
    await objects.download(file.uri, local);
    const csv = join(session.folder, `rows-${index}.csv`);
    if (command.format === 'parquet') await parquetToCsv(local, csv, { uri: file.uri, columns: wanted, folder: session.folder });
    else rejected += await checkedCsv(local, csv, { command, wanted, session, uri: file.uri, table: id, before: rejected });
    rows += await intoTable(session.client, command.table, wanted, csv);
  }
  await session.client.query('SELECT set_config($1, $2, false)', ['redshift.copied', String(rows)]);
  return rows;
}

function columnNamed(columns: readonly TableColumn[], name: string): TableColumn {
  const column = columns.find((candidate) => candidate.name === name);
  if (!column) throw new StatementError(`column "${name}" of relation does not exist`);
  return column;
}

async function filesOfManifest({ from, format }: CopyCommand, objects: Objects): Promise<DataFile[]> {
  let entries: { url?: unknown; mandatory?: unknown; meta?: { content_length?: unknown } }[] | undefined;
  try {
    entries = (JSON.parse(await objects.text(from)) as { entries?: typeof entries }).entries;
  } catch (error) {
    throw error instanceof StatementError ? new StatementError(`Problem reading manifest file - ${error.message}`) : new StatementError(`Manifest file is not in correct json format (${from})`);
  }
  if (!Array.isArray(entries)) throw new StatementError(`Manifest file is not in correct json format (${from})`);
  const files: DataFile[] = [];
  for (const { url, mandatory, meta } of entries) {
    if (typeof url !== 'string') throw new StatementError('Manifest entry lacks url');
    const size = await objects.size(url);
    if (size === undefined && mandatory === true) {
      throw new StatementError(`S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey,Rid 0,ExtRid 0,CanRetry 0 (mandatory manifest entry ${url})`);
    }
    if (size === undefined) continue;
    const bytes = typeof meta?.content_length === 'number' ? meta.content_length : undefined;
    if (format === 'parquet' && bytes === undefined) throw new StatementError(`File has no content length in manifest (meta.content_length): ${url}`);
    if (bytes !== undefined && bytes !== size) throw new StatementError(`Content length in manifest (${bytes}) differs from the size of ${url} (${size})`);
    files.push({ uri: url, bytes });
  }
  return files;
}

interface TextFile {
  command: CopyCommand;
  wanted: readonly TableColumn[];
  session: Session;
  uri: string;
  table: number;
  /** Rows that earlier files have had rejected. */
  before: number;
}

/** Writes the rows that fit the table to `csv` and the others to the error log; returns how many those are. */
async function checkedCsv(source: string, csv: string, file: TextFile): Promise<number> {
  const { command, wanted } = file;
  let rejected = 0;
  const refuse = async (line: number, rejection: Rejection): Promise<void> => {
    rejected += 1;
    await record(file, line, rejection);
    if (file.before + rejected < Math.max(command.maxErrors, 1)) return;
    throw new StatementError(`Load into table '${command.table.replaceAll('"', '')}' failed.  Check 'sys_load_error_detail' system table for details.`);
  };
  const rows = csvParser({ delimiter: command.delimiter, relaxColumnCount: true, info: true, from: command.ignoreHeader + 1, cast: (value, { quoting }) => (quoting ? `"${value}` : value), skipEmptyLines: true });
  const bytes = createReadStream(source);
  const text = command.gzip ? bytes.pipe(createGunzip()) : bytes;
  async function* good(): AsyncGenerator<string> {
    for await (const { record: fields, info } of text.pipe(rows) as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      const values = fields.map((field, index) => fieldValue(field, wanted[index], command));
      const rejection = countRejection(values, wanted) ?? wanted.map((column, index) => rejectionOf(column, values[index] ?? null)).find((found) => found !== undefined);
      if (rejection) await refuse(info.lines, rejection);
      else yield `${values.map((value) => (value === null ? '' : `"${value.replaceAll('"', '""')}"`)).join(',')}\n`;
    }
  }
  await pipeline(Readable.from(good()), createWriteStream(csv));
  return rejected;
}

/** A quoted field arrives with one quotation mark before it: quoted, it is never NULL by being empty. */
function fieldValue(field: string, column: TableColumn | undefined, { nullAs, emptyAsNull, truncateColumns }: CopyCommand): string | null {
  const quoted = field.startsWith('"');
  const value = quoted ? field.slice(1) : field;
  const isText = column === undefined || column.type.startsWith('character varying');
  if (value === nullAs && (!quoted || nullAs !== '')) return null;
  if (value === '' && !quoted && (emptyAsNull || !isText)) return null;
  const length = Number(/^character varying\((\d+)\)$/.exec(column?.type ?? '')?.[1] ?? Infinity);
  return truncateColumns && Buffer.byteLength(value) > length ? Buffer.from(value).subarray(0, length).toString('utf8').replace(/\uFFFD+$/, '') : value;
}

function countRejection(values: readonly unknown[], wanted: readonly TableColumn[]): Rejection | undefined {
  if (values.length === wanted.length) return undefined;
  const extra = values.length > wanted.length;
  return { column: '', type: '', length: '', code: extra ? 1202 : 1201, message: extra ? 'Extra column(s) found' : 'Delimiter not found', value: '' };
}

async function record({ session, uri, table }: TextFile, line: number, { column, type, length, code, message, value }: Rejection): Promise<void> {
  await session.record(
    'INSERT INTO redshift_system.load_errors (query_id, session_id, table_id, file_name, line_number, column_name, column_type, column_length, position, error_code, error_message, raw_field_value) ' +
      'VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11)',
    [session.queryId, session.pid, table, uri, line, column, type, length, code, message, value.slice(0, 1024)],
  );
}

async function intoTable(client: ClientBase, table: string, columns: readonly TableColumn[], csv: string): Promise<number> {
  const names = columns.map(({ name }) => `"${name.replaceAll('"', '""')}"`).join(', ');
  const stream = client.query(copyFrom(`COPY ${table} (${names}) FROM STDIN (FORMAT csv)`));
  await pipeline(createReadStream(csv), stream);
  return stream.rowCount;
}
