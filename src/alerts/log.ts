import type { Alert } from './alert.js';
import { composeMessage } from './message.js';

/** The part of a logger that is needed here. */
export type AlertLog = Readonly<Record<'info' | 'warn' | 'error', (message: string, attributes?: Record<string, unknown>) => void>>;

const LEVELS = { info: 'info', warning: 'warn', error: 'error' } as const;

/** One structured record per alert, for whatever collects the worker's log. */
export function logAlert(alert: Alert, log: AlertLog): void {
  const { severity, title, cause, commands } = composeMessage(alert);
  log[LEVELS[severity]](`alert: ${title}`, { alert: alert.id, severity, cause, run: alert.run, events: alert.events, next: commands.map(([command]) => command) });
}
