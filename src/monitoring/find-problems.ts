import type { Pipeline } from '../catalog.js';
import type { PipelineHealth, Problem, TableAge } from './health.js';

/** What was seen of a pipeline beside what its health says. */
export interface Seen {
  /** Whether its task queue is polled for workflows and activities. */
  polled?: boolean | undefined;
  /** Since when its schedule has been seen active. */
  activeSince: Date;
}

/**
 * What is wrong and no run can tell itself. Failed, held and stuck runs are in the health too, and not among these: they are told by
 * the run, or by the workers' watch, and nobody wants to hear the same twice.
 */
export function findProblems({ taskQueue }: Pipeline, health: Omit<PipelineHealth, 'problems' | 'unknown'>, seen: Seen, now: Date): Problem[] {
  const { schedule, last, duration, tables = [] } = health;
  const problems: Problem[] = [];
  const missed = schedule?.missed.at(-1);
  // One that was missed and is followed by one that was taken is over.
  if (missed !== undefined && missed === schedule?.lastDue) {
    problems.push({ kind: 'missed-schedule', severity: 'error', message: `A run was due at ${missed} and was not started${schedule.missed.length > 1 ? `; ${schedule.missed.length} times were missed one way or another within a day` : ''}.` });
  }
  if (seen.polled === false) problems.push({ kind: 'no-workers', severity: 'error', message: `No worker polls the task queue ${taskQueue} for both workflows and activities: its runs wait.` });
  if (last?.state === 'timed-out') problems.push({ kind: 'ended-by-temporal', severity: 'error', message: `The last run, ${last.workflowId}, was ended by Temporal because it took longer than the timeout of the whole run.` });
  if (duration?.most !== undefined && duration.last > duration.most) {
    const { most, median, compared, open } = duration;
    problems.push({ kind: 'slow-run', severity: 'warning', message: `The ${open ? 'open' : 'last'} run ${open ? 'takes' : 'took'} ${seconds(duration.last)}${open ? ' already' : ''}; of the ${compared} before it the median is ${seconds(median)}, and up to ${seconds(most)} would be usual.` });
  }
  for (const age of tables) {
    const problem = staleness(age, schedule?.state === 'active', seen.activeSince, now);
    if (problem !== undefined) problems.push(problem);
  }
  return problems;
}

/** A table that was never published is late only when its schedule had the time to publish it. */
function staleness({ table, mostHours, ageSeconds, publishedAt }: TableAge, scheduled: boolean, activeSince: Date, now: Date): Problem | undefined {
  const most = mostHours * 3600;
  if (ageSeconds === undefined) {
    if (!scheduled || now.getTime() - activeSince.getTime() <= most * 1000) return undefined;
    return { kind: 'stale-table', what: table, severity: 'error', message: `${table} was never published, although its schedule has been active for more than ${mostHours} h.` };
  }
  if (ageSeconds <= most) return undefined;
  return { kind: 'stale-table', what: table, severity: 'error', message: `The data of ${table} is ${Math.floor(ageSeconds / 360) / 10} h old; ${mostHours} h are the most it may be. It was last published at ${publishedAt}.` };
}

function seconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : String(Math.round(value))} s`;
}
