import { problemId, type HealthReport, type Problem, type ProblemKind } from './health.js';

/** A problem from the look that saw it first to the look that did not see it any more. */
export interface Incident extends Problem {
  pipeline: string;
  /** When it was first seen, ISO 8601 UTC. */
  since: string;
}

/** What one look has changed, for the people of one pipeline. Told once, however often it is tried. */
export interface HealthNews {
  /** Of the look and the pipeline: the same for every attempt to tell it. */
  id: string;
  pipeline: string;
  at: string;
  opened: readonly Incident[];
  closed: readonly Incident[];
  /** Problems of the pipeline that are still there. */
  open: number;
}

/** What monitoring runs know of each other. */
export interface MonitoringState {
  /** When the newest look was taken, ISO 8601 UTC. */
  at: string;
  incidents: readonly Incident[];
  /** By pipeline: since when its schedule has been seen active; absent while it is paused or not there. */
  activeSince: Readonly<Record<string, string>>;
  /** What has changed and is not known to be on its way to people. */
  untold: readonly HealthNews[];
}

export const NOTHING_KNOWN: MonitoringState = { at: '', incidents: [], activeSince: {}, untold: [] };

/** The pipeline that tells what the monitoring itself could not reach. */
export const MONITORING = 'pipeline-monitoring';

/**
 * The state after a look. A problem that is still there opens nothing again; one that could not be looked at neither opens nor
 * closes. A look that is older than the newest one changes nothing: it was overtaken.
 */
export function afterLook(before: MonitoringState, report: HealthReport): MonitoringState {
  if (report.at <= before.at) return before;
  const { at } = report;
  const seen = [...report.pipelines.flatMap(({ pipeline, problems }) => problems.map((problem) => ({ ...problem, pipeline, since: at }))), ...unreachedIncidents(report)];
  const known = new Map(before.incidents.map((incident) => [keyOf(incident), incident]));
  const present = new Set(seen.map(keyOf));
  const opened = seen.filter((incident) => !known.has(keyOf(incident)));
  const blind = new Map(report.pipelines.map(({ pipeline, unknown }) => [pipeline, new Set(unknown)]));
  const isOver = (incident: Incident): boolean => !present.has(keyOf(incident)) && canTell(blind, incident);
  const closed = before.incidents.filter(isOver);
  // With what is known of it now; a table gets older while it is stale.
  const incidents = [...before.incidents.filter((incident) => !isOver(incident)).map((incident) => ({ ...incident, ...newestOf(seen, incident), since: incident.since })), ...opened];
  return { at, incidents, activeSince: activeSchedules(before, report), untold: [...before.untold, ...newsOf(opened, closed, incidents, at)] };
}

/** A pipeline that is not in the catalog any more has no problems. */
function canTell(blind: ReadonlyMap<string, ReadonlySet<ProblemKind>>, { pipeline, kind }: Incident): boolean {
  return kind === 'not-looked-at' || blind.get(pipeline)?.has(kind) !== true;
}

function newestOf(seen: readonly Incident[], incident: Incident): Partial<Incident> {
  return seen.find((candidate) => keyOf(candidate) === keyOf(incident)) ?? {};
}

/** One per part, not per pipeline: a warehouse that is down is one thing. */
function unreachedIncidents({ unreached, at }: HealthReport): Incident[] {
  const byPart = new Map<string, Incident>();
  for (const { part, pipeline, why } of unreached) {
    const message = `Monitoring could not reach ${part}${pipeline === undefined ? '' : ` of ${pipeline}`}: ${why}`;
    if (!byPart.has(part)) byPart.set(part, { kind: 'not-looked-at', what: part, severity: 'warning', message, pipeline: MONITORING, since: at });
  }
  return [...byPart.values()];
}

function newsOf(opened: readonly Incident[], closed: readonly Incident[], incidents: readonly Incident[], at: string): HealthNews[] {
  const pipelines = [...new Set([...opened, ...closed].map(({ pipeline }) => pipeline))].sort();
  const ofPipeline = (name: string, all: readonly Incident[]): Incident[] => all.filter(({ pipeline }) => pipeline === name);
  return pipelines.map((pipeline) => ({ id: `${pipeline}-${at}`, pipeline, at, opened: ofPipeline(pipeline, opened), closed: ofPipeline(pipeline, closed), open: ofPipeline(pipeline, incidents).length }));
}

function activeSchedules(before: MonitoringState, { at, pipelines }: HealthReport): Record<string, string> {
  const entries = pipelines.flatMap(({ pipeline, schedule }): [string, string][] => {
    const since = before.activeSince[pipeline];
    // Not seen at all says nothing.
    if (schedule === undefined) return since === undefined ? [] : [[pipeline, since]];
    return schedule.state === 'active' ? [[pipeline, since ?? at]] : [];
  });
  return Object.fromEntries(entries);
}

function keyOf(incident: Incident): string {
  return `${incident.pipeline}/${problemId(incident)}`;
}
