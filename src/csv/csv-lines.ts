import type { SqlValue } from '../warehouse/warehouse.js';

/** RFC 4180 lines without their ends; NULL is an empty field, and an empty text stands in quotes. */
export function* csvLines(columns: readonly string[], rows: readonly (readonly SqlValue[])[]): Generator<string> {
  yield csvLine(columns);
  for (const row of rows) yield csvLine(row);
}

/** One of them. */
export function csvLine(values: readonly SqlValue[]): string {
  let line = '';
  for (let index = 0; index < values.length; index += 1) line += index === 0 ? field(values[index]!) : `,${field(values[index]!)}`;
  return line;
}

function field(value: SqlValue): string {
  if (value === null) return '';
  const text = String(value);
  return text === '' || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
