import { LosslessNumber } from 'lossless-json';
import type { FieldDef } from 'pg';
import { StatementError, validation } from './api-error.js';

export type Field = Readonly<Record<string, unknown>>;

export interface ResultSet {
  columns: readonly Readonly<Record<string, unknown>>[];
  records: readonly (readonly Field[])[];
  bytes: number;
}

export interface ResultLimits {
  /** Of one row, and of a whole result. */
  rowBytes: number;
  resultBytes: number;
}

/** By number in pg_type: Redshift's name of the type, and the member of the answer's union that carries it. */
const TYPES: Readonly<Record<number, readonly [name: string, member: 'booleanValue' | 'longValue' | 'doubleValue' | 'stringValue']>> = {
  16: ['bool', 'booleanValue'],
  19: ['name', 'stringValue'],
  20: ['int8', 'longValue'],
  21: ['int2', 'longValue'],
  23: ['int4', 'longValue'],
  26: ['oid', 'longValue'],
  700: ['float4', 'doubleValue'],
  701: ['float8', 'doubleValue'],
  1042: ['bpchar', 'stringValue'],
  1082: ['date', 'stringValue'],
  1114: ['timestamp', 'stringValue'],
  1184: ['timestamptz', 'stringValue'],
  1700: ['numeric', 'stringValue'],
};

/** What PostgreSQL has answered, as the Data API keeps it; `StatementError` above its limits. */
export function resultSet(fields: readonly FieldDef[], rows: readonly (readonly (string | null)[])[], limits: ResultLimits): ResultSet {
  let bytes = 0;
  for (const row of rows) {
    const size = row.reduce((sum, value) => sum + (value === null ? 0 : Buffer.byteLength(value)), 0);
    if (size > limits.rowBytes) throw new StatementError(`The packet for query is too large. Row size exceeds ${limits.rowBytes} bytes`);
    bytes += size;
    if (bytes > limits.resultBytes) throw new StatementError(`Database response exceeded size limit. The result is larger than ${limits.resultBytes} bytes`);
  }
  return { columns: fields.map(metadata), records: rows.map((row) => row.map((value, index) => fieldOf(value, fields[index]!.dataTypeID))), bytes };
}

function metadata({ name, dataTypeID, dataTypeModifier }: FieldDef): Readonly<Record<string, unknown>> {
  const size = dataTypeID === 1700 && dataTypeModifier >= 4 ? dataTypeModifier - 4 : undefined;
  return {
    name, label: name, typeName: TYPES[dataTypeID]?.[0] ?? 'varchar', isCaseSensitive: dataTypeID === 1043, isCurrency: false, isSigned: dataTypeID === 1700, nullable: 1,
    precision: size === undefined ? 0 : size >> 16, scale: size === undefined ? 0 : size & 0xffff, length: 0, schemaName: '', tableName: '',
  };
}

/** Numbers go out as the digits that they are: the service has 64 bits where JavaScript has 53. */
function fieldOf(value: string | null, type: number): Field {
  if (value === null) return { isNull: true };
  const member = TYPES[type]?.[1] ?? 'stringValue';
  if (member === 'booleanValue') return { booleanValue: value === 't' };
  if (member === 'stringValue') return { stringValue: value };
  return { [member]: /^-?\d/.test(value) ? new LosslessNumber(value) : value };
}

/** One page of a result, and the token of the next one. */
export function page({ records, columns }: ResultSet, token: string | undefined, rowsPerPage: number): Readonly<Record<string, unknown>> {
  const start = token === undefined ? 0 : Number(/^page:(\d+)$/.exec(token)?.[1]);
  if (!Number.isInteger(start) || start > records.length) throw validation('NextToken is invalid.');
  const end = start + rowsPerPage;
  return { Records: records.slice(start, end), ColumnMetadata: columns, TotalNumRows: records.length, ...(end < records.length && { NextToken: `page:${end}` }) };
}
