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
  lagging: 'warning',
  'check-warning': 'warning',
  // Nothing goes on before a person has come.
  'approval-wanted': 'warning',
  recovered: 'info',
  ended: 'info',
  // Only where the event itself says nothing.
  unhealthy: 'error',
  'well-again': 'info',
};

/** What routing asks of an event. */
type Routable = Pick<AlertEvent, 'kind'> & { severity?: AlertSeverity };

export function severityOf({ kind, severity }: Routable): AlertSeverity {
  return kind === 'unhealthy' && severity !== undefined ? severity : SEVERITIES[kind];
}

/** Of several events the gravest; `info` for none. */
export function gravestOf(events: readonly Routable[]): AlertSeverity {
  const severities = events.map(severityOf);
  return severities.includes('error') ? 'error' : severities.includes('warning') ? 'warning' : 'info';
}

const CHANNELS: readonly unknown[] = ['mail', 'slack', 'incident', 'log'] satisfies AlertChannel[];

/** Whether a value that somebody else has written is a list of routes. */
export function areRoutes(value: unknown): value is AlertRoute[] {
  return Array.isArray(value) && value.every((route: Partial<AlertRoute> | null) => CHANNELS.includes(route?.channel) && Object.hasOwn(RANK, String(route?.atLeast)));
}

/** Channels that get this event, none twice. */
export function channelsFor(event: Routable, routes: readonly AlertRoute[]): AlertChannel[] {
  const taking = routes.filter(({ channel, atLeast }) => {
    // Only an incident has to be closed by somebody.
    if (event.kind === 'ended') return channel === 'incident';
    // Whoever was told of the trouble is told that it is over.
    return RANK[atLeast] <= RANK[severityOfTrouble(event)];
  });
  return [...new Set(taking.map(({ channel }) => channel))];
}

/** Of what an event tells the end of, where it does. */
function severityOfTrouble(event: Routable): AlertSeverity {
  if (event.kind === 'recovered') return SEVERITIES.held;
  return event.kind === 'well-again' ? (event.severity ?? SEVERITIES.unhealthy) : severityOf(event);
}
