import { findPipeline } from '../../src/catalog.js';
import { renderRun } from '../../src/cli/output/run-text.js';
import type { Screen } from '../../src/cli/output/screen.js';
import type { RunView } from '../../src/runs/run-view.js';
import { renderReport } from './render-report.js';
import { reportOf } from './report.js';

/** What `npm start` says when the run is over. */
export interface Ending {
  /** For `--json`. */
  json: object;
  /** For people; `totalMs` is the time with everything around the run. */
  text(screen: Screen, totalMs: number): string;
  /** Commands to try next. */
  next: readonly string[];
}

/** The shop's pipeline has a report of its own; every other one shows its steps and its result. */
export function endingOf(run: RunView, webUi: string | undefined): Ending {
  const next = nextCommands(run);
  if (run.pipeline === 'ecommerce-daily') {
    const report = reportOf(run, webUi);
    return { json: report, text: (screen, totalMs) => renderReport(report, screen, totalMs), next };
  }
  const { pipeline, workflowId, runId, state, durationMs } = run;
  return {
    json: {
      pipeline,
      interval: run.interval === undefined ? null : { start: run.interval.start, end: run.interval.end },
      run: workflowId,
      runId,
      state,
      durationMs,
      result: run.result ?? null,
      webUi: webUi ?? null,
      failure: run.failure === undefined ? null : { step: run.failure.step ?? null, type: run.failure.type, message: run.failure.message },
    },
    text: (screen) => renderRun(run, screen, { webUi }),
    next,
  };
}

function nextCommands(run: RunView): string[] {
  const { workflowId } = run;
  if (run.state !== 'completed') {
    return [`npx millrace status ${workflowId}`, `npx millrace logs ${workflowId}${run.failure?.step === undefined ? '' : ` ${run.failure.step}`}`, 'npx millrace connections check'];
  }
  const table = findPipeline(run.pipeline)?.publishes.at(-1);
  return [`npx millrace status ${workflowId}`, `npx millrace quarantine ${workflowId}`, ...(table === undefined ? [] : [`npx millrace sql "SELECT * FROM ${table}" # what ${run.pipeline} publishes`])];
}
