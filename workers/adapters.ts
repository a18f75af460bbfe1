import type { Dependencies } from '../activities/dependencies.js';
import { createTransform, type StoreOf } from '../lambda/transform/transform.js';
import { createIncidents } from '../src/alerts/incident.js';
import { createMailAlerts } from '../src/alerts/mail-alerts.js';
import { createMailer } from '../src/alerts/mail.js';
import { createSlack } from '../src/alerts/slack.js';
import type { Checkable } from '../src/connections/check.js';
import type { ConfigByRole, TlsMode } from '../src/connections/configs.js';
import type { Connections } from '../src/connections/connections.js';
import { KNOWN_CONNECTIONS, type ConnectionName } from '../src/connections/known-connections.js';
import type { DuckDBLimits } from '../src/duckdb/duckdb.js';
import { isMillraceError, MillraceError } from '../src/errors.js';
import { createInProcessFunction } from '../src/functions/in-process.js';
import { createLambdaFunction } from '../src/functions/lambda.js';
import type { RemoteFunction } from '../src/functions/remote-function.js';
import { createKafkaLog } from '../src/kafka/kafka-log.js';
import { createCloudWatchMetrics, REQUEST_TIMEOUT_MS } from '../src/metrics/cloudwatch.js';
import { createSendings } from '../src/metrics/sendings.js';
import { createWarehouseMetrics } from '../src/metrics/warehouse-metrics.js';
import { createLocalDirectoryStore } from '../src/object-store/local-directory.js';
import type { ObjectStore } from '../src/object-store/object-store.js';
import { createS3Store } from '../src/object-store/s3.js';
import { createDynamoDbSource } from '../src/sources/dynamodb.js';
import { createDuckDBSqlSource } from '../src/sources/duckdb-sql.js';
import { createMySqlSource } from '../src/sources/mysql.js';
import { createRestSource } from '../src/sources/rest.js';
import type { RestSource } from '../src/sources/rest-source.js';
import type { SqlSource } from '../src/sources/sql-source.js';
import { createDuckDBWarehouse } from '../src/warehouse/duckdb.js';
import { createPostgresWarehouse } from '../src/warehouse/postgres.js';
import { createRedshiftWarehouse } from '../src/warehouse/redshift.js';
import type { Warehouse } from '../src/warehouse/warehouse.js';

/** The ports of a worker's or the CLI's activities, built from the connections. */
export interface Adapters extends Pick<Dependencies, 'lake' | 'warehouse' | 'sales' | 'customers' | 'catalog' | 'clicks' | 'incoming' | 'transform' | 'messages' | 'metrics' | 'alertSinks' | 'redact'> {
  /** The same by the name of their connection, for `checkConnections`. */
  readonly byName: Checkable & Readonly<Record<ConnectionName, unknown>>;
  /** Closes those that were built; the first failure is thrown when all are closed. */
  close(): Promise<void>;
}

/**
 * Builds each adapter once, when it is first asked for: a step without its connection fails with `CONNECTION_MISSING` or
 * `CONNECTION_MALFORMED`, and every other step works.
 */
export function createAdapters(connections: Connections, limits: DuckDBLimits): Adapters {
  const { redact } = connections;
  const built: { close(): Promise<void> }[] = [];
  const isSet = (name: ConnectionName): boolean => connections.settings.some((setting) => setting.name === name);

  function lazily<N extends ConnectionName, T extends { close(): Promise<void> }>(
    name: N,
    build: (config: ConfigByRole[(typeof KNOWN_CONNECTIONS)[N]]) => T,
  ): () => T {
    let adapter: T | undefined;
    return () => {
      if (adapter === undefined) {
        adapter = build(connections.get(name, KNOWN_CONNECTIONS[name]));
        built.push(adapter);
      }
      return adapter;
    };
  }

  const sales = lazily('SALES', (config) => sqlSource(config, limits));
  const customers = lazily('CUSTOMERS', (config) => restSource(config, 'customers'));
  const catalog = lazily('CATALOG', createDynamoDbSource);
  const clicks = lazily('CLICKS', objectStore);
  const lake = lazily('LAKE', objectStore);
  const incoming = lazily('INCOMING', objectStore);
  const transform = lazily('TRANSFORM', (config) => functionOf(config, firstOf(incoming, lake)));
  const warehouse = lazily('WAREHOUSE', (config) => warehouseOf(config, limits));
  const messages = lazily('KAFKA_DEFAULT', createKafkaLog);
  const cloudWatch = lazily('METRICS', (config) => createCloudWatchMetrics({ ...config, sendings: createSendings(lake, 2 * REQUEST_TIMEOUT_MS) }));
  const mail = lazily('MAIL', (config) => createMailAlerts(createMailer({ ...config, redact })));
  const slack = lazily('SLACK', ({ url }) => createSlack({ url, redact }));
  const incident = lazily('INCIDENT', (config) => createIncidents({ ...config, redact }));

  return {
    sales,
    customers,
    catalog,
    clicks,
    incoming,
    transform,
    lake,
    warehouse,
    messages,
    metrics: { warehouse: () => createWarehouseMetrics(warehouse()), cloudwatch: () => (isSet('METRICS') ? cloudWatch() : undefined) },
    alertSinks: { mail, slack, incident },
    redact,
    byName: { SALES: sales, CUSTOMERS: customers, CATALOG: catalog, CLICKS: clicks, INCOMING: incoming, TRANSFORM: transform, LAKE: lake, WAREHOUSE: warehouse, MAIL: mail, SLACK: slack, INCIDENT: incident, KAFKA_DEFAULT: messages, METRICS: cloudWatch },
    async close() {
      const outcomes = await Promise.allSettled(built.splice(0).map((adapter) => adapter.close()));
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed) throw failed.reason;
    },
  };
}

function sqlSource(config: ConfigByRole['sql-source'], limits: DuckDBLimits): SqlSource {
  if (config.scheme === 'duckdb') return createDuckDBSqlSource({ path: config.path, timezone: config.timezone, limits });
  const { tls, ...server } = config;
  return createMySqlSource({ ...server, ssl: tlsOptions(tls) });
}

function restSource({ baseUrl, auth, name, timeoutMs }: ConfigByRole['rest-source'], defaultName: string): RestSource {
  const base = new URL(baseUrl);
  if (auth.kind === 'basic') {
    // Encoded here, because a URL leaves a % as it is and the adapter decodes.
    base.username = encodeURIComponent(auth.user);
    base.password = encodeURIComponent(auth.password);
  }
  return createRestSource({
    baseUrl: base.href,
    name: name ?? defaultName,
    ...(auth.kind === 'bearer' ? { token: auth.token } : {}),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}

function objectStore(config: ConfigByRole['object-store']): ObjectStore {
  return config.scheme === 'file' ? createLocalDirectoryStore({ root: config.root }) : createS3Store(config);
}

/** A function of this process works on the stores of this process. */
function functionOf(config: ConfigByRole['function'], storeOf: StoreOf): RemoteFunction {
  if (config.scheme === 'lambda') return createLambdaFunction(config);
  if (config.name === 'transform') return createInProcessFunction({ name: config.name, handler: createTransform(storeOf) });
  throw new MillraceError('CONNECTION_MALFORMED', `MILLRACE_CONN_TRANSFORM names the function process://${config.name}, which the worker does not have. It has process://transform.`);
}

/** The first store that has the address. */
function firstOf(...stores: (() => ObjectStore)[]): StoreOf {
  return (uri) => {
    for (const open of stores) {
      const store = open();
      const key = keyIn(store, uri);
      if (key !== undefined) return { store, key };
    }
    throw new MillraceError('BAD_PARAMS', `The address ${uri} is in none of the stores that MILLRACE_CONN_INCOMING and MILLRACE_CONN_LAKE name.`);
  };
}

function keyIn(store: ObjectStore, uri: string): string | undefined {
  try {
    return store.keyOf(uri);
  } catch (error) {
    if (isMillraceError(error) && error.code === 'BAD_PARAMS') return undefined;
    throw error;
  }
}

function warehouseOf(config: ConfigByRole['warehouse'], limits: DuckDBLimits): Warehouse {
  if (config.scheme === 'duckdb') return createDuckDBWarehouse({ path: config.path, limits });
  if (config.scheme === 'redshift-data') return createRedshiftWarehouse({ ...config, staging: createS3Store(config.staging), limits });
  const { tls, ...server } = config;
  return createPostgresWarehouse({ ...server, ssl: tlsOptions(tls), limits });
}

function tlsOptions(mode: TlsMode): boolean | { rejectUnauthorized: false } {
  return mode === 'no-verify' ? { rejectUnauthorized: false } : mode === 'verify';
}
