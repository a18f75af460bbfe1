/** What a connection is used as: each role takes its own URI schemes. */
export type Role = 'sql-source' | 'rest-source' | 'item-source' | 'object-store' | 'warehouse' | 'mail' | 'function' | 'slack' | 'incident' | 'message-log' | 'metrics';

/** The connections that the pipelines of this project ask for: `MILLRACE_CONN_<NAME>`. */
export const KNOWN_CONNECTIONS = {
  SALES: 'sql-source',
  CUSTOMERS: 'rest-source',
  CATALOG: 'item-source',
  CLICKS: 'object-store',
  LAKE: 'object-store',
  WAREHOUSE: 'warehouse',
  MAIL: 'mail',
  INCOMING: 'object-store',
  TRANSFORM: 'function',
  SLACK: 'slack',
  INCIDENT: 'incident',
  KAFKA_DEFAULT: 'message-log',
  METRICS: 'metrics',
} as const satisfies Record<string, Role>;

export type ConnectionName = keyof typeof KNOWN_CONNECTIONS;

/** Asked for only where a route sends alerts there, by one pipeline that not everybody runs, or where it is set: not being set is no fault of a project. */
export const OPTIONAL_CONNECTIONS: ReadonlySet<string> = new Set<ConnectionName>(['SLACK', 'INCIDENT', 'KAFKA_DEFAULT', 'METRICS']);

export const SETTING_PREFIX = 'MILLRACE_CONN_';

/** `undefined` for a name that no pipeline of this project asks for. */
export function roleOf(name: string): Role | undefined {
  return Object.hasOwn(KNOWN_CONNECTIONS, name) ? KNOWN_CONNECTIONS[name as ConnectionName] : undefined;
}
