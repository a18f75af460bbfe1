import cliTruncate from 'cli-truncate';
import Table from 'cli-table3';
import stringWidth from 'string-width';
import { oneLine } from './format.js';

export interface TableColumn {
  head: string;
  align?: 'left' | 'right';
  /** Gives way when the terminal is narrow, down to this width; columns without it are shown in full. */
  shrinksTo?: number;
}

export interface TableCell {
  text: string;
  /** Shown with the blanks that it begins with: for text of our own, one line. */
  verbatim?: true;
  paint?: (text: string) => string;
}

const GAP = 2;

/**
 * Columns side by side, one line a row, no wider than `width` (columns of the terminal; `undefined` where nobody's screen is
 * the limit). Widths are those that a terminal shows, so that accents, CJK and emoji stay in line.
 */
export function renderTable(columns: readonly TableColumn[], rows: readonly (readonly (string | TableCell)[])[], width: number | undefined, paintHead: (text: string) => string): string {
  const cells = rows.map((row) => row.map(cleaned));
  const widths = fit(columns, cells, width);
  // cliTruncate leaves nothing of a text that is one column wide.
  const cut = (text: string, index: number): string => (stringWidth(text) <= widths[index]! ? text : cliTruncate(text, Math.max(1, widths[index]!)));
  const table = new Table({
    chars: NO_BORDERS,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns: columns.map(({ align }) => align ?? 'left'),
    head: columns.map(({ head }, index) => paintHead(cut(head, index))),
  });
  for (const row of cells) table.push(columns.map((_, index) => paint(row[index], (text) => cut(text, index))));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

const EDGES = ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right', 'left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'];
const NO_BORDERS: Record<string, string> = { ...Object.fromEntries(EDGES.map((edge) => [edge, ''])), middle: ' '.repeat(GAP) };

/** Columns that a terminal needs for all of a column. */
export function widthOf({ head }: TableColumn, cells: readonly (string | TableCell)[]): number {
  return cells.reduce((most, cell) => Math.max(most, stringWidth(cleaned(cell).text)), stringWidth(head));
}

function cleaned(cell: string | TableCell): TableCell {
  if (typeof cell === 'string') return { text: oneLine(cell) };
  return cell.verbatim === true ? cell : { ...cell, text: oneLine(cell.text) };
}

function paint(cell: TableCell | undefined, cut: (text: string) => string): string {
  if (cell === undefined) return '';
  const text = cut(cell.text);
  return cell.paint === undefined ? text : cell.paint(text);
}

function fit(columns: readonly TableColumn[], rows: readonly (readonly TableCell[])[], width: number | undefined): number[] {
  const widths = columns.map((column, index) => widthOf(column, rows.map((row) => row[index] ?? '')));
  if (width === undefined) return widths;
  let excess = widths.reduce((sum, one) => sum + one, 0) + GAP * (columns.length - 1) - width;
  while (excess > 0) {
    // The widest of those that may give way.
    const candidates = columns.map(({ shrinksTo }, index) => (shrinksTo !== undefined && widths[index]! > shrinksTo ? widths[index]! : 0));
    const widest = Math.max(...candidates);
    if (widest === 0) break;
    widths[candidates.indexOf(widest)]! -= 1;
    excess -= 1;
  }
  return widths;
}
