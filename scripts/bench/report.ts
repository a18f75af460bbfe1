import Table from 'cli-table3';
import { meetsTarget, type Figure } from './figures.js';

/** For people: one line per figure. */
export function figureTable(figures: readonly Figure[]): string {
  const table = new Table({
    head: ['benchmark', 'figure', 'min', 'median', 'max', 'target', '', 'measured'],
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right', 'left', 'left'],
    style: { head: [], border: [] },
  });
  for (const figure of figures) {
    const { unit } = figure;
    const shown = [figure.min, figure.value, figure.max].map((value) => withUnit(value, unit));
    table.push([figure.benchmark, figure.name, ...shown, ...judged(figure), figure.detail]);
  }
  return table.toString();
}

function judged(figure: Figure): [string, string] {
  return figure.target === undefined ? ['', ''] : [`≤ ${withUnit(figure.target, figure.unit)}`, meetsTarget(figure) ? 'met' : 'MISSED'];
}

/** For scripts: an array of figures, rounded to what was measurable. */
export function figuresAsJson(figures: readonly Figure[]): string {
  return JSON.stringify(
    figures.map((figure) => ({ ...figure, value: rounded(figure.value), min: rounded(figure.min), max: rounded(figure.max), met: meetsTarget(figure) })),
    null,
    2,
  );
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function withUnit(value: number, unit: Figure['unit']): string {
  return unit === 'MB' ? `${Math.round(value)} MB` : `${value.toFixed(unit === 's' ? 1 : 2)} ${unit}`;
}
