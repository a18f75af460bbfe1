import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { to as copyTo } from 'pg-copy-streams';
import { StatementError } from './api-error.js';
import { csvToParquet } from './columnar.js';
import { toPostgres } from './dialect.js';
import type { Objects } from './objects.js';
import type { UnloadCommand } from './s3-commands.js';
import type { Session } from './session.js';

/** Redshift's UNLOAD: one file and, where it was asked for, a manifest, named as with PARALLEL. Returns the rows unloaded. */
export async function unload(command: UnloadCommand, session: Session, objects: Objects): Promise<number> {
  const { client, folder } = session;
  if (!command.overwrite && (await objects.list(command.to)).length > 0) {
    throw new StatementError('Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually removing the target files in S3, or using the ALLOWOVERWRITE option.');
  }
  const query = toPostgres(command.query);
  const columns = await columnsOfQuery(session, query);
  const csv = join(folder, 'unloaded.csv');
  const header = command.format === 'csv' && command.header ? ', HEADER' : '';
  const stream = client.query(copyTo(`COPY (${query}\n) TO STDOUT (FORMAT csv, FORCE_QUOTE *${header})`));
  await pipeline(stream, createWriteStream(csv));
  const file = command.format === 'parquet' ? join(folder, 'unloaded.parquet') : csv;
  if (command.format === 'parquet') await csvToParquet(csv, file, columns, folder);

  const rows = stream.rowCount;
  const uri = `${command.to}0000_part_00${command.format === 'parquet' ? '.parquet' : ''}`;
  const bytes = await objects.upload(uri, file);
  await rm(file, { force: true });
  if (command.manifest) await objects.put(`${command.to}manifest`, JSON.stringify(manifest(command, uri, bytes, rows, columns), null, 2));
  await client.query('SELECT set_config($1, $2, false)', ['redshift.unloaded', String(rows)]);
  return rows;
}

async function columnsOfQuery({ client }: Session, query: string): Promise<{ name: string; type: string }[]> {
  const { fields } = await client.query(`SELECT * FROM (${query}\n) AS unloaded LIMIT 0`);
  const types = fields.map(({ dataTypeID, dataTypeModifier }) => `format_type(${dataTypeID}, ${dataTypeModifier})`);
  const { rows } = await client.query<string[]>({ text: `SELECT ${types.join(', ')}`, rowMode: 'array' });
  return fields.map(({ name }, index) => ({ name, type: rows[0]?.[index] ?? 'text' }));
}

function manifest({ format, verbose }: UnloadCommand, url: string, bytes: number, rows: number, columns: readonly { name: string; type: string }[]): unknown {
  const meta = { content_length: bytes, ...(verbose && { record_count: rows }) };
  const entries = [{ url, ...((verbose || format === 'parquet') && { meta }) }];
  if (!verbose) return { entries };
  return { entries, schema: { elements: columns.map(({ name, type }) => ({ name, type: { base: type } })) }, meta: { content_length: bytes, record_count: rows }, author: { name: 'Amazon Redshift', version: '1.0.0' } };
}
