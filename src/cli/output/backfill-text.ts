import type { BackfillView } from '../../backfills/backfills.js';
import { total, type BackfillPlan, type BackfillRequest, type PlannedInterval, type SkipReason, type SkippedCounts } from '../../durable/backfill.js';
import { formatTime, oneLine } from './format.js';
import type { Colors, Screen } from './screen.js';

const WHY: Record<PlannedInterval['why'], string> = { missing: 'not loaded', failed: 'not loaded, its newest run failed', loaded: 'loaded, runs again' };
const SKIPPED: Record<SkipReason, string> = { loaded: 'loaded already', 'not-failed': 'not failed', 'not-over': 'not over yet' };

/** More failed intervals than these are read with --json. */
const MOST_FAILURES = 50;

/** What a dry run has found: in the order in which it would be run. */
export function renderPlan(request: BackfillRequest, { intervals, skipped }: Pick<BackfillPlan, 'intervals' | 'skipped'>, screen: Screen): string {
  const rows = intervals.map((interval, index) => [
    String(index + 1),
    interval.label,
    interval.openRun === undefined ? WHY[interval.why] : `${interval.openRun} is open: waits for it`,
    interval.workflowId,
  ]);
  const columns = [{ head: '#', align: 'right' as const }, { head: 'INTERVAL' }, { head: 'WHY', shrinksTo: 10 }, { head: 'RUN', shrinksTo: 12 }];
  const what = `${intervals.length} of ${intervals.length + total(skipped)} intervals of ${request.pipeline} would run, ${request.parallel} at a time, ${request.newestFirst ? 'newest' : 'oldest'} first`;
  return [...(rows.length === 0 ? [] : [screen.table(columns, rows), '']), `${what}${skippedText(skipped)}`].join('\n');
}

function skippedText(skipped: SkippedCounts): string {
  const parts = (Object.entries(skipped) as [SkipReason, number][]).map(([reason, count]) => `${count} ${SKIPPED[reason]}`);
  return parts.length === 0 ? '' : `; left out: ${parts.join(', ')}`;
}

export function renderBackfills(backfills: readonly BackfillView[], screen: Screen): string {
  const rows = backfills.map((one) => [
    one.workflowId,
    { text: one.state, paint: paintState(screen.colors, one.state) },
    String(one.done),
    { text: String(one.failed), paint: one.failed > 0 ? screen.colors.red : String },
    String(one.skipped),
    one.live === undefined ? '' : String(one.live.running.length),
    one.live === undefined ? '' : String(one.live.waiting),
    formatTime(one.startedAt),
  ]);
  const count = (head: string) => ({ head, align: 'right' as const });
  return screen.table([{ head: 'BACKFILL', shrinksTo: 20 }, { head: 'STATE' }, count('DONE'), count('FAILED'), count('LEFT OUT'), count('RUNNING'), count('TO DO'), { head: 'STARTED', shrinksTo: 10 }], rows);
}

/** One backfill: counts, what runs, what failed, and what can be typed next. */
export function renderBackfill(view: BackfillView, screen: Screen): string {
  const { colors } = screen;
  const lines = [`${colors.bold(view.workflowId)}  ${paintState(colors, view.state)(view.state)}`, countsLine(view)];
  const { live } = view;
  if (live?.paused !== undefined) lines.push(`paused by ${live.paused.by} at ${formatTime(live.paused.since)}${live.paused.why === undefined ? '' : `: ${oneLine(live.paused.why)}`}`);
  if (live !== undefined && live.running.length > 0) {
    lines.push('', screen.table([{ head: 'RUNNING' }, { head: 'SINCE', shrinksTo: 10 }, { head: 'RUN', shrinksTo: 12 }], live.running.map(({ label, since, workflowId }) => [label, formatTime(since), workflowId])));
  }
  const failures = view.failures ?? live?.failed ?? [];
  if (failures.length > 0) {
    const rows = failures.slice(0, MOST_FAILURES).map(({ label, errorCode, message, workflowId }) => [label, { text: errorCode, paint: colors.red }, workflowId, message ?? '']);
    lines.push('', screen.table([{ head: 'FAILED' }, { head: 'ERROR' }, { head: 'RUN', shrinksTo: 12 }, { head: 'MESSAGE', shrinksTo: 10 }], rows));
    if (failures.length > MOST_FAILURES) lines.push(`and ${failures.length - MOST_FAILURES} more: --json`);
  }
  if (view.error !== undefined) lines.push(`${colors.red(view.error.type)}: ${oneLine(view.error.message)}`);
  const next = nextCommand(view, failures[0]?.workflowId);
  return [...lines, ...(next === undefined ? [] : ['', next])].join('\n');
}

/** `12 done, 1 failed, 8 left out, 4 running, 3 to do` */
export function countsLine({ done, failed, skipped, live }: BackfillView): string {
  const parts = [`${done} done`, `${failed} failed`, `${skipped} left out`];
  if (live !== undefined) parts.push(`${live.running.length} running (at most ${live.parallel})`, `${live.waiting} to do`);
  return parts.join(', ');
}

function nextCommand({ state, workflowId, request: { pipeline, from, to } }: BackfillView, failedRun: string | undefined): string | undefined {
  if (state === 'paused') return `go on: millrace backfill resume ${workflowId}`;
  if (state === 'running') return undefined;
  if (failedRun !== undefined && state === 'failed') return `look at one: millrace status ${failedRun}\nrun them again: millrace backfill ${pipeline} --from ${from} --to ${to} --only failed`;
  return state === 'cancelled' || state === 'terminated' ? `run what is left: millrace backfill ${pipeline} --from ${from} --to ${to}` : undefined;
}

function paintState(colors: Colors, state: BackfillView['state']): (text: string) => string {
  if (state === 'completed') return colors.green;
  if (state === 'failed' || state === 'timed-out' || state === 'terminated') return colors.red;
  return state === 'running' || state === 'planning' ? colors.cyan : colors.yellow;
}
