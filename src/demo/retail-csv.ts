import { csvLines } from '../csv/csv-lines.js';
import type { SalesLine } from './demo-day.js';
import { COLUMNS } from './retail-files.js';

/** A day's lines as a file in the Online Retail format, dirt included. */
export function retailCsv(lines: readonly SalesLine[]): string {
  const fields = Object.values(COLUMNS);
  return `${[...csvLines(Object.keys(COLUMNS), lines.map((line) => fields.map((field) => line[field])))].join('\r\n')}\r\n`;
}
