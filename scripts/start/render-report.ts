import type { Screen } from '../../src/cli/output/screen.js';
import type { RevenueLine } from '../../activities/ecommerce-daily/publish-orders.js';
import { formatDuration } from '../../src/cli/output/format.js';
import { count, money } from './render-numbers.js';
import type { StartReport } from './report.js';

/** The largest few; the rest is one query away. */
const REVENUE_LINES = 6;

/** What came out of a run, for people. */
export function renderReport(report: StartReport, screen: Screen, totalMs: number): string {
  const { bold } = screen.colors;
  const title = `${report.pipeline} ${report.interval?.start.slice(0, 10) ?? ''} ${stateWords(report, screen)} in ${formatDuration(report.durationMs)} (${formatDuration(totalMs)} with everything around it)`;
  const failure = report.failure === null ? [] : [`${report.failure.step ?? 'The run'}: ${report.failure.message}`];
  const sections = [bold(title), ...failure, sources(report, screen)];
  if (report.state === 'completed') {
    sections.push(lines(report, screen), checks(report, screen), revenue(report, screen), `Warehouse  ${report.warehouse}`);
  }
  if (report.webUi !== null) sections.push(`Web UI     ${report.webUi}`);
  return sections.filter((section) => section !== '').join('\n\n');
}

function stateWords({ state }: StartReport, { colors }: Screen): string {
  return state === 'completed' ? colors.green('completed') : colors.red(state);
}

function sources({ sources: read }: StartReport, screen: Screen): string {
  const rows = Object.entries(read).map(([name, { rows: read, quarantined = {} }]) => [name, count(read), reasons(quarantined)]);
  return rows.length === 0 ? '' : screen.table([{ head: 'source' }, { head: 'rows', align: 'right' }, { head: 'quarantined', shrinksTo: 12 }], rows);
}

function lines(report: StartReport, screen: Screen): string {
  const quarantined = Object.values(report.quarantined).reduce((sum, rows) => sum + rows, 0);
  return screen.table(
    [{ head: 'sales lines' }, { head: 'rows', align: 'right' }, { head: '', shrinksTo: 12 }],
    [
      ['published', count(report.published ?? 0), `${count(report.returns ?? 0)} of them returns, revenue ${money(report.revenue ?? '0')}`],
      ['quarantined', count(quarantined), reasons(report.quarantined)],
    ],
  );
}

function reasons(byReason: Record<string, number>): string {
  return Object.entries(byReason)
    .map(([reason, rows]) => `${reason} ${count(rows)}`)
    .join(', ');
}

function checks({ checks: results }: StartReport, screen: Screen): string {
  const { green, red, yellow } = screen.colors;
  const word = (passed: boolean, severity: string) => (passed ? { text: 'passed', paint: green } : { text: severity, paint: severity === 'ERROR' ? red : yellow });
  return screen.table(
    [{ head: 'check', shrinksTo: 16 }, { head: '' }, { head: 'observed', shrinksTo: 12 }],
    results.map(({ name, severity, passed, observed }) => [name, word(passed, severity), observed]),
  );
}

function revenue({ revenueByCategory, revenueByCountry }: StartReport, screen: Screen): string {
  return [revenueTable('category', revenueByCategory, screen), revenueTable('country', revenueByCountry, screen)].join('\n\n');
}

function revenueTable(dimension: string, all: readonly RevenueLine[], screen: Screen): string {
  const rows = all.slice(0, REVENUE_LINES).map(({ name, lines: sold, revenue: total }) => [name, count(sold), money(total)]);
  const more = all.length > REVENUE_LINES ? `\n(+${all.length - REVENUE_LINES} more)` : '';
  return screen.table([{ head: `revenue by ${dimension}`, shrinksTo: 12 }, { head: 'lines', align: 'right' }, { head: 'revenue', align: 'right' }], rows) + more;
}
