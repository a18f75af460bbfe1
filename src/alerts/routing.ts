import type { AlertEvent } from './alert.js';

export type AlertSeverity = 'info' | 'warning' | 'error';
export type AlertChannel = 'mail' | 'slack' | 'incident' | 'log';

/** Alerts of at least this severity go to this channel. */
export interface AlertRoute {
  channel: AlertChannel;
  atLeast: AlertSeverity;
}

const RANK: Readonly<Record<AlertSeverity, number>> = { info: 0, warning: 1, error: 2 };

const SEVERITIES: Readonly<Record<AlertEvent['kind'], AlertSeverity>> = {
  failed: 'error',
  held: 'error',
  stuck: 'error',
  'deadline-missed': 'warning',
  'check-warning': 'warning',
  // Nothing goes on before a person has come.
  'approval-wanted': 'warning',
  recovered: 'info',
  ended: 'info',
};

export function severityOf(event: Pick<AlertEvent, 'kind'>): AlertSeverity {
  return SEVERITIES[event.kind];
}

/** Of several events the gravest; `info` for none. */
export function gravestOf(events: readonly Pick<AlertEvent, 'kind'>[]): AlertSeverity {
  const severities = events.map(severityOf);
  return severities.includes('error') ? 'error' : severities.includes('warning') ? 'warning' : 'info';
}

const CHANNELS: readonly unknown[] = ['mail', 'slack', 'incident', 'log'] satisfies AlertChannel[];

/** Whether a value that somebody else has written is a list of routes. */
export function areRoutes(value: unknown): value is AlertRoute[] {
  return Array.isArray(value) && value.every((route: Partial<AlertRoute> | null) => CHANNELS.includes(route?.channel) && Object.hasOwn(RANK, String(route?.atLeast)));
}

/** Channels that get this event, none twice. */
export function channelsFor({ kind }: Pick<AlertEvent, 'kind'>, routes: readonly AlertRoute[]): AlertChannel[] {
  const taking = routes.filter(({ channel, atLeast }) => {
    // Only an incident has to be closed by somebody.
    if (kind === 'ended') return channel === 'incident';
    // Whoever was told of the trouble is told that it is over.
    return RANK[atLeast] <= RANK[kind === 'recovered' ? severityOf({ kind: 'held' }) : SEVERITIES[kind]];
  });
  return [...new Set(taking.map(({ channel }) => channel))];
}
