import { Context } from '@temporalio/activity';
import { CATALOG } from '../../src/catalog.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import type { HealthReport } from '../../src/monitoring/health.js';
import { lookAtPipelines } from '../../src/monitoring/look.js';
import { NOTHING_KNOWN } from '../../src/monitoring/incidents.js';
import { readState } from '../../src/monitoring/state-store.js';
import type { Dependencies } from '../dependencies.js';

/** A run that catches up, or that was asked for the past, is late by more. */
const STILL_NOW_MS = 60 * 60_000;

/**
 * The health of every pipeline of the catalog as it is now. `null` for an interval that is long over: what Temporal and the ledger say now
 * is not what they said then, and the run of the newest interval looks.
 */
export function createLookAtPipelines(deps: Pick<Dependencies, 'lake' | 'warehouse' | 'redact'>) {
  return async function lookAt({ end }: DataInterval): Promise<HealthReport | null> {
    const { client, cancellationSignal: signal, log } = Context.current();
    const now = new Date();
    if (now.getTime() - Date.parse(end) > STILL_NOW_MS) return null;
    const state = await readState(deps.lake(), signal).catch((error: unknown) => {
      signal.throwIfAborted();
      log.warn(`what earlier looks have seen cannot be read: ${deps.redact(String(error))}`);
      return NOTHING_KNOWN;
    });
    const report = await lookAtPipelines({
      client,
      pipelines: CATALOG,
      warehouse: deps.warehouse,
      activeSince: (pipeline) => (state.activeSince[pipeline] === undefined ? now : new Date(state.activeSince[pipeline])),
      redact: deps.redact,
      now,
      signal,
    });
    for (const { part, pipeline, why } of report.unreached) log.warn(`${part} of ${pipeline}: ${why}`);
    return report;
  };
}
