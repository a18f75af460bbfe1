import { Context } from '@temporalio/activity';
import type { HealthEvent } from '../../src/alerts/alert.js';
import type { AlertRoute } from '../../src/alerts/routing.js';
import { findPipeline } from '../../src/catalog.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import type { HealthReport } from '../../src/monitoring/health.js';
import { afterLook, MONITORING, type HealthNews, type Incident } from '../../src/monitoring/incidents.js';
import { changeState } from '../../src/monitoring/state-store.js';
import { startHealthAlert } from '../../src/steps/health-alert.js';
import type { Dependencies } from '../dependencies.js';

export interface ToldHealth {
  /** Problems that are there now, over all pipelines. */
  open: number;
  /** Messages that are on their way to people. */
  messages: number;
}

/**
 * Tells people what has changed since the look before, once. What changed is written down before anybody is told, and crossed out
 * after: an attempt that dies in between is made good by the next one, under the same id.
 */
export function createTellOfHealth(deps: Pick<Dependencies, 'lake'>) {
  return async function tellOfHealth(report: HealthReport, { run: runId, generation }: DataInterval): Promise<ToldHealth> {
    const { client, info, cancellationSignal: signal } = Context.current();
    const by = { workflowId: info.workflowExecution!.workflowId, runId, startedAt: new Date(generation).toISOString(), taskQueue: info.taskQueue };
    const store = deps.lake();
    const { untold, incidents } = await changeState(store, (state) => afterLook(state, report), signal);
    let messages = 0;
    for (const news of untold) {
      if (await startHealthAlert(client, { id: news.id, pipeline: news.pipeline, ...peopleOf(news.pipeline), events: eventsOf(news), by })) messages += 1;
    }
    const told = new Set(untold.map(({ id }) => id));
    if (told.size > 0) await changeState(store, (state) => ({ ...state, untold: state.untold.filter(({ id }) => !told.has(id)) }), signal);
    return { open: incidents.length, messages };
  };
}

/** Of a pipeline that has left the catalog: whoever looks after the monitoring. */
function peopleOf(name: string): { owner: string; routes: readonly AlertRoute[] } {
  const { owner, alerts } = findPipeline(name) ?? findPipeline(MONITORING)!;
  return { owner, routes: alerts.routes };
}

/** What has come stands last: whoever looks at the last event alone takes the pipeline for ill as long as it is. */
function eventsOf(news: HealthNews): (HealthEvent & { at: string })[] {
  const { at, closed, opened, open } = news;
  const event = (kind: HealthEvent['kind'], incidents: readonly Incident[]): (HealthEvent & { at: string })[] =>
    incidents.length === 0 ? [] : [{ kind, severity: incidents.some(({ severity }) => severity === 'error') ? 'error' : 'warning', problems: incidents.map(({ message, since }) => ({ message, since })), open, at }];
  return [...event('well-again', closed), ...event('unhealthy', opened)];
}
