import type { TableSpec, Warehouse } from '../warehouse/warehouse.js';
import { unitOf, type MetricSink } from './metric-sink.js';

/** One row per measurement: what CloudWatch gets, for whoever has no AWS. */
export const METRICS: TableSpec = {
  name: 'millrace_metrics',
  columns: [
    { name: 'batch', type: 'text' },
    { name: 'metric', type: 'text' },
    { name: 'unit', type: 'text' },
    { name: 'pipeline', type: 'text', nullable: true },
    { name: 'step', type: 'text', nullable: true },
    { name: 'table_name', type: 'text', nullable: true },
    { name: 'measured_at', type: 'timestamp' },
    { name: 'samples', type: 'bigint' },
    { name: 'total', type: 'double' },
    { name: 'least', type: 'double' },
    { name: 'most', type: 'double' },
  ],
  key: ['batch', 'metric', 'pipeline', 'step', 'table_name', 'measured_at'],
};

/** Measurements as rows of the warehouse; a batch that is published again replaces its own rows. The warehouse stays its owner's. */
export function createWarehouseMetrics(warehouse: Warehouse): MetricSink {
  return {
    description: `${METRICS.name} in ${warehouse.description}`,
    async publish({ id, points }, { signal }) {
      signal.throwIfAborted();
      const rows = points.map(({ name, dimensions, at, statistics }) => [
        id,
        name,
        unitOf(name),
        dimensions.pipeline ?? null,
        dimensions.step ?? null,
        dimensions.table ?? null,
        at,
        statistics.count,
        statistics.sum,
        statistics.min,
        statistics.max,
      ]);
      await warehouse.replaceRows(METRICS, { batch: id }, rows);
      return { published: points.length, unsure: 0, tooOld: 0 };
    },
    check: () => warehouse.check(),
    close: () => Promise.resolve(),
  };
}
