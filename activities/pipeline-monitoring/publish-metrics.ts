import { Context } from '@temporalio/activity';
import type { Publication } from '../../src/metrics/metric-sink.js';
import { readBatch } from '../../src/monitoring/batches.js';
import { reportProgress } from '../../src/steps/progress.js';
import type { Dependencies } from '../dependencies.js';

export type MetricService = keyof Dependencies['metrics'];

/** Publishes batches to one service; `null` where it is not connected. */
export function createPublishMetrics(deps: Pick<Dependencies, 'lake' | 'metrics'>) {
  return async function publishMetrics(service: MetricService, batches: readonly string[]): Promise<Publication | null> {
    const { cancellationSignal: signal, log } = Context.current();
    const sink = deps.metrics[service]();
    if (sink === undefined) return null;
    const total: Publication = { published: 0, unsure: 0, tooOld: 0 };
    for (const id of batches) {
      const { published, unsure, tooOld } = await sink.publish(await readBatch(deps.lake(), id, signal), { signal });
      total.published += published;
      total.unsure += unsure;
      total.tooOld += tooOld;
      reportProgress({ rows: total.published });
    }
    if (total.unsure > 0) log.warn(`${total.unsure} points may or may not have arrived at ${sink.description}; they are not sent again, so that none counts twice`);
    return total;
  };
}
