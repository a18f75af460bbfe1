import type { RunView } from '../../src/runs/run-view.js';
import type { EcommerceDailyResult } from '../../workflows/ecommerce-daily.js';

/** What `npm start -- --json` prints. Counts of a run that did not complete are null: nothing was published. */
export interface StartReport {
  pipeline: string;
  interval: { start: string; end: string } | null;
  /** Workflow id: what every `millrace` command takes as RUN. */
  run: string;
  runId: string;
  state: RunView['state'];
  durationMs: number;
  sources: Partial<EcommerceDailyResult['sources']>;
  published: number | null;
  /** Sales lines by reason: sources.sales.rows = published + all of these. */
  quarantined: Record<string, number>;
  returns: number | null;
  /** Decimal as text. */
  revenue: string | null;
  revenueByCategory: EcommerceDailyResult['revenueByCategory'];
  revenueByCountry: EcommerceDailyResult['revenueByCountry'];
  checks: { name: string; severity: string; passed: boolean; observed: string; expected: string }[];
  warehouse: string | null;
  webUi: string | null;
  failure: { step: string | null; type: string; message: string } | null;
}

export function reportOf(run: RunView, webUi: string | undefined): StartReport {
  const result = run.state === 'completed' ? (run.result as EcommerceDailyResult) : undefined;
  return {
    pipeline: run.pipeline,
    interval: run.interval === undefined ? null : { start: run.interval.start, end: run.interval.end },
    run: run.workflowId,
    runId: run.runId,
    state: run.state,
    durationMs: run.durationMs,
    sources: result?.sources ?? sourcesRead(run),
    published: result?.published ?? null,
    quarantined: result?.quarantined ?? {},
    returns: result?.returns ?? null,
    revenue: result?.revenue ?? null,
    revenueByCategory: result?.revenueByCategory ?? [],
    revenueByCountry: result?.revenueByCountry ?? [],
    checks: result?.checks ?? [],
    warehouse: result?.warehouse ?? null,
    webUi: webUi ?? null,
    failure: run.failure === undefined ? null : { step: run.failure.step ?? null, type: run.failure.type, message: run.failure.message },
  };
}

/** Of a run that did not complete: what its extract steps had read. */
function sourcesRead(run: RunView): StartReport['sources'] {
  const read = run.steps.filter(({ id, state, rows }) => id.startsWith('extract.extract') && state === 'succeeded' && rows !== undefined);
  return Object.fromEntries(read.map(({ activity, rows }) => [activity.replace('extract', '').toLowerCase(), { rows }]));
}
