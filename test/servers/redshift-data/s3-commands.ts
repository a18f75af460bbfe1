import { StatementError } from './api-error.js';
import { syntaxError } from './dialect.js';
import { keyword, meaningful, stringValue, type Token, tokensOf } from './sql-tokens.js';

export interface CopyCommand {
  /** As written: quoted or not, with its schema or without. */
  table: string;
  columns: readonly string[];
  from: string;
  role: string;
  manifest: boolean;
  format: 'parquet' | 'csv';
  delimiter: string;
  ignoreHeader: number;
  gzip: boolean;
  maxErrors: number;
  nullAs: string;
  emptyAsNull: boolean;
  truncateColumns: boolean;
}

export interface UnloadCommand {
  query: string;
  to: string;
  role: string;
  format: 'parquet' | 'csv';
  manifest: boolean;
  verbose: boolean;
  overwrite: boolean;
  header: boolean;
}

/** What COPY of a columnar format takes: https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html */
const COLUMNAR = new Set(['IAM_ROLE', 'MANIFEST', 'FORMAT', 'PARQUET', 'STATUPDATE', 'ACCEPTINVCHARS', 'FILLTARGET']);

/** Reads tokens from left to right. */
class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(sql: string) {
    this.#tokens = meaningful(tokensOf(sql)).filter(({ text }) => text !== ';');
  }

  get next(): Token | undefined {
    return this.#tokens[this.#at];
  }

  take(): Token {
    const token = this.#tokens[this.#at];
    if (!token) throw new StatementError('syntax error at end of input');
    this.#at += 1;
    return token;
  }

  takeIf(word: string): boolean {
    if (keyword(this.next) !== word) return false;
    this.#at += 1;
    return true;
  }

  expect(word: string): void {
    if (!this.takeIf(word)) throw syntaxError(this.next?.text ?? 'end of input');
  }

  string(): string {
    this.takeIf('AS');
    const token = this.take();
    if (token.kind !== 'string') throw syntaxError(token.text);
    return stringValue(token);
  }

  number(): number {
    this.takeIf('AS');
    const token = this.take();
    if (token.kind !== 'number') throw syntaxError(token.text);
    return Number(token.text);
  }

  role(): string {
    return this.takeIf('DEFAULT') ? 'default' : this.string();
  }
}

export function isCopy(sql: string): boolean {
  return keyword(meaningful(tokensOf(sql))[0]) === 'COPY';
}

export function isUnload(sql: string): boolean {
  return keyword(meaningful(tokensOf(sql))[0]) === 'UNLOAD';
}

export function parseCopy(sql: string): CopyCommand {
  const reader = new Reader(sql);
  reader.expect('COPY');
  const table = tableName(reader);
  const columns = reader.next?.text === '(' ? columnNames(reader) : [];
  reader.expect('FROM');
  const command: CopyCommand = {
    table, columns, from: reader.string(), role: '', manifest: false, format: 'csv', delimiter: '|', ignoreHeader: 0, gzip: false,
    maxErrors: 0, nullAs: '\\N', emptyAsNull: false, truncateColumns: false,
  };
  const used: string[] = [];
  let format: string | undefined;
  while (reader.next) {
    const option = keyword(reader.take());
    used.push(option);
    if (option === 'FORMAT') {
      reader.takeIf('AS');
      format = keyword(reader.take());
    } else if (option === 'CSV' || option === 'PARQUET') format = option;
    else copyOption(option, command, reader);
  }
  if (format !== 'CSV' && format !== 'PARQUET') throw new StatementError(`COPY with FORMAT ${format ?? 'TEXT'} is not known to this server`);
  command.format = format === 'PARQUET' ? 'parquet' : 'csv';
  if (command.format === 'csv' && !used.includes('DELIMITER')) command.delimiter = ',';
  const refused = command.format === 'parquet' && used.find((option) => !COLUMNAR.has(option));
  if (refused) throw new StatementError(`${refused} argument is not supported for PARQUET based COPY`);
  if (command.role === '') throw new StatementError('CREDENTIALS argument is required but not specified.');
  return command;
}

function copyOption(option: string, command: CopyCommand, reader: Reader): void {
  switch (option) {
    case 'IAM_ROLE':
      command.role = reader.role();
      return;
    case 'MANIFEST':
      command.manifest = true;
      return;
    case 'DELIMITER':
      command.delimiter = reader.string();
      return;
    case 'IGNOREHEADER':
      command.ignoreHeader = reader.number();
      return;
    case 'GZIP':
      command.gzip = true;
      return;
    case 'MAXERROR':
      command.maxErrors = reader.number();
      return;
    case 'NULL':
      command.nullAs = reader.string();
      return;
    case 'EMPTYASNULL':
      command.emptyAsNull = true;
      return;
    case 'TRUNCATECOLUMNS':
      command.truncateColumns = true;
      return;
    case 'DATEFORMAT':
    case 'TIMEFORMAT':
    case 'REGION':
    case 'ENCODING':
      reader.string();
      return;
    case 'COMPUPDATE':
    case 'STATUPDATE':
      if (!reader.takeIf('ON')) reader.takeIf('OFF');
      return;
    default:
      throw syntaxError(option);
  }
}

export function parseUnload(sql: string): UnloadCommand {
  const reader = new Reader(sql);
  reader.expect('UNLOAD');
  reader.expect('(');
  const query = reader.string();
  reader.expect(')');
  reader.expect('TO');
  const command: UnloadCommand = { query, to: reader.string(), role: '', format: 'csv', manifest: false, verbose: false, overwrite: false, header: false };
  let format: string | undefined;
  while (reader.next) {
    const option = keyword(reader.take());
    if (option === 'IAM_ROLE') command.role = reader.role();
    else if (option === 'FORMAT') {
      reader.takeIf('AS');
      format = keyword(reader.take());
    } else if (option === 'CSV' || option === 'PARQUET') format = option;
    else if (option === 'MANIFEST') {
      command.manifest = true;
      command.verbose = reader.takeIf('VERBOSE');
    } else if (option === 'ALLOWOVERWRITE' || option === 'CLEANPATH') command.overwrite = true;
    else if (option === 'HEADER') command.header = true;
    else if (option === 'PARALLEL') reader.take();
    else throw syntaxError(option);
  }
  if (format !== 'CSV' && format !== 'PARQUET') throw new StatementError(`UNLOAD with FORMAT ${format ?? 'TEXT'} is not known to this server`);
  if (command.role === '') throw new StatementError('CREDENTIALS argument is required but not specified.');
  return { ...command, format: format === 'PARQUET' ? 'parquet' : 'csv' };
}

function tableName(reader: Reader): string {
  let name = reader.take().text;
  while (reader.takeIf('.')) name += `.${reader.take().text}`;
  return name;
}

function columnNames(reader: Reader): string[] {
  const names: string[] = [];
  reader.expect('(');
  do {
    const { kind, text } = reader.take();
    names.push(kind === 'quoted' ? text.slice(1, -1).replaceAll('""', '"') : text.toLowerCase());
  } while (reader.takeIf(','));
  reader.expect(')');
  return names;
}
