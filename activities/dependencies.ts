import type { MetricMeter } from '@temporalio/common';
import type { AlertSink } from '../src/alerts/alert.js';
import type { AlertChannel } from '../src/alerts/routing.js';
import type { DuckDBLimits } from '../src/duckdb/duckdb.js';
import type { RemoteFunction } from '../src/functions/remote-function.js';
import type { MessageLog } from '../src/kafka/message-log.js';
import type { MetricSink } from '../src/metrics/metric-sink.js';
import type { ObjectStore } from '../src/object-store/object-store.js';
import type { ItemSource } from '../src/sources/item-source.js';
import type { RestSource } from '../src/sources/rest-source.js';
import type { SqlSource } from '../src/sources/sql-source.js';
import type { Warehouse } from '../src/warehouse/warehouse.js';

/**
 * What activities are given. A port is asked for by the step that needs it and throws `CONNECTION_MISSING` or
 * `CONNECTION_MALFORMED` there, so that a worker starts, and other pipelines run, without it.
 */
export interface Dependencies {
  lake(): ObjectStore;
  warehouse(): Warehouse;
  sales(): SqlSource;
  customers(): RestSource;
  catalog(): ItemSource;
  clicks(): ObjectStore;
  /** Where files arrive from outside. */
  incoming(): ObjectStore;
  /** The function of lambda/transform/, wherever it runs. */
  transform(): RemoteFunction;
  /** Where sign-ups are announced. */
  messages(): MessageLog;
  /** Where measurements go; `undefined` for a service that is not connected. */
  metrics: Readonly<Record<'warehouse' | 'cloudwatch', () => MetricSink | undefined>>;
  /** Where alerts go, beside the worker's own log. */
  alertSinks: Readonly<Record<Exclude<AlertChannel, 'log'>, () => AlertSink>>;
  /** Of the whole worker: an activity's own meter tells its type, so that what two of them measure would not be one series. */
  meter: MetricMeter;
  /** Takes the secrets of all connections out of a text. */
  redact: (text: string) => string;
  /** What DuckDB may use of this machine, and where scratch files go. */
  limits: DuckDBLimits;
  /** Address of Temporal's Web UI, for links in alerts. */
  webUi: string | undefined;
}
