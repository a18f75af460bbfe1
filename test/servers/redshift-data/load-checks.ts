import type { TableColumn } from './session.js';

/** Why a value was rejected, as Redshift's SYS_LOAD_ERROR_DETAIL says it. https://docs.aws.amazon.com/redshift/latest/dg/r_Load_Error_Reference.html */
export interface Rejection {
  column: string;
  type: string;
  length: string;
  code: number;
  message: string;
  value: string;
}

/** What is wrong with one field of a text file for its column; `undefined` when it can be loaded. */
export function rejectionOf(column: TableColumn, value: string | null): Rejection | undefined {
  const [base = '', size = ''] = /^([^(]+)(?:\((.+)\))?$/.exec(column.type)?.slice(1) ?? [];
  const reject = (code: number, message: string): Rejection => ({ column: column.name, type: shortType(base), length: size.split(',')[0] ?? '', code, message, value: value ?? '' });
  if (value === null) return column.nullable ? undefined : reject(1213, 'Missing data for not-null field');
  switch (base) {
    case 'smallint':
    case 'integer':
    case 'bigint':
      if (!/^[+-]?\d+$/.test(value)) return reject(1207, `Invalid digit, Value '${firstBad(value)}', Pos ${value.indexOf(firstBad(value))}, Type: ${base === 'bigint' ? 'Long' : 'Integer'}`);
      return fitsInteger(base, value) ? undefined : reject(1207, `Overflow (${base === 'bigint' ? 'Long' : 'Integer'} valid range)`);
    case 'numeric':
      if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(value)) return reject(1207, `Invalid digit, Value '${firstBad(value)}', Pos ${value.indexOf(firstBad(value))}, Type: Decimal`);
      return fitsDecimal(size, value) ? undefined : reject(1207, 'Overflow for NUMERIC');
    case 'double precision':
    case 'real':
      return Number.isNaN(Number(value)) || value.trim() === '' ? reject(1207, `Invalid digit, Value '${value[0] ?? ''}', Pos 0, Type: Double`) : undefined;
    case 'boolean':
      return /^(t|f|true|false|y|n|yes|no|1|0)$/i.test(value) ? undefined : reject(1210, 'Unknown boolean format');
    case 'date':
      return isDay(value) ? undefined : reject(1205, 'Invalid Date Format - length must be 10 or more');
    case 'timestamp without time zone':
    case 'timestamp with time zone':
      return isMoment(value) ? undefined : reject(1206, 'Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]');
    case 'character varying':
      return Buffer.byteLength(value) > Number(size || 256) ? reject(1204, 'String length exceeds DDL length') : undefined;
    default:
      return undefined;
  }
}

function shortType(base: string): string {
  return { 'character varying': 'varchar', 'double precision': 'float8', integer: 'int4', bigint: 'int8', smallint: 'int2', boolean: 'bool', 'timestamp without time zone': 'timestamp' }[base] ?? base;
}

function firstBad(value: string): string {
  return /[^\d+-]/.exec(value)?.[0] ?? '';
}

function fitsInteger(base: string, value: string): boolean {
  const bits = { smallint: 16n, integer: 32n }[base] ?? 64n;
  const number = BigInt(value.replace('+', ''));
  return number >= -(2n ** (bits - 1n)) && number < 2n ** (bits - 1n);
}

function fitsDecimal(size: string, value: string): boolean {
  const [precision = 18, scale = 0] = size === '' ? [] : size.split(',').map(Number);
  return (/^[+-]?0*(\d*)/.exec(value)?.[1] ?? '').length <= precision - scale;
}

function isDay(value: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)) && new Date(value).toISOString().startsWith(value);
}

function isMoment(value: string): boolean {
  return /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?$/.test(value) && isDay(value.slice(0, 10)) && !Number.isNaN(Date.parse(value.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')));
}
