import { createHash } from 'node:crypto';
import type { Alert, AlertedRun, AlertEvent, AlertSink } from './alert.js';
import { composeMessage } from './message.js';
import { oneLine } from './one-line.js';
import { postJson, type PostTarget } from './post-json.js';

export interface IncidentOptions extends Pick<PostTarget, 'redact' | 'timeoutMs'> {
  /** `https://events.pagerduty.com` */
  baseUrl: string;
  /** Of the service that is to be called; secret. */
  routingKey: string;
}

/** What PagerDuty takes: https://developer.pagerduty.com/docs/send-alert-event */
const SUMMARY_LENGTH = 1_024;
const KEY_LENGTH = 255;

/** Trouble triggers an incident; a run that goes on, or one that completes for the same interval, resolves it. */
export function createIncidents({ baseUrl, routingKey, redact, timeoutMs }: IncidentOptions): AlertSink {
  const target: PostTarget = {
    url: `${baseUrl}/v2/enqueue`,
    where: `the incident service at ${new URL(baseUrl).host}`,
    setting: 'MILLRACE_CONN_INCIDENT',
    redact,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
  const enqueue = (event: object, signal?: AbortSignal): Promise<string> => postJson(target, { routing_key: routingKey, ...event }, signal);
  return {
    description: target.where,
    async deliver(alert, signal) {
      await enqueue(isOver(alert.events) ? { event_action: 'resolve', dedup_key: dedupKey(alert.run) } : trigger(alert), signal);
      return undefined;
    },
    async check() {
      // Resolving what nobody has triggered is taken, and changes nothing.
      await enqueue({ event_action: 'resolve', dedup_key: 'millrace connections check' });
      return `${target.where} takes the routing key.`;
    },
    close: () => Promise.resolve(),
  };
}

function trigger(alert: Alert): object {
  const { severity, title, cause, facts, link, commands } = composeMessage(alert);
  const last = alert.events.at(-1)!;
  const { run } = alert;
  const { step, errorCode }: { step?: string; errorCode?: string } = 'errorCode' in last ? last : {};
  return {
    event_action: 'trigger',
    dedup_key: dedupKey(run),
    client: 'Millrace',
    ...(link === undefined ? {} : { client_url: link, links: [{ href: link, text: 'The run in the Web UI' }] }),
    payload: {
      summary: oneLine(title, SUMMARY_LENGTH),
      source: run.workflowId,
      severity,
      timestamp: last.at,
      group: run.pipeline,
      ...(step === undefined ? {} : { component: step }),
      ...(errorCode === undefined ? {} : { class: errorCode }),
      custom_details: {
        cause,
        facts: facts.map(([name, value]) => (name === '' ? value : `${name}: ${value}`)),
        next: commands.map(([command, purpose]) => `${command}  (${purpose})`),
      },
    },
  };
}

/** What came last decides: trouble after a recovery is trouble. */
function isOver(events: readonly AlertEvent[]): boolean {
  const last = events.at(-1)!;
  return last.kind === 'recovered' || last.kind === 'ended' || (last.kind === 'well-again' && last.open === 0);
}

/** Of the interval rather than of the run: a later run that completes closes what an earlier one has opened. */
function dedupKey({ pipeline, incident, interval, workflowId }: AlertedRun): string {
  const key = `millrace/${pipeline}/${incident ?? interval?.label ?? workflowId}`;
  return key.length <= KEY_LENGTH ? key : `millrace/${createHash('sha256').update(key).digest('hex')}`;
}
