import { Context } from '@temporalio/activity';
import type { StagedTable } from '../src/datasets/references.js';
import type { DataInterval } from '../src/durable/data-interval.js';
import type { Check, CheckSeverity } from '../src/quality/checks.js';
import { checksFailed, failedErrors, runChecks, type CheckResult } from '../src/quality/run-checks.js';
import type { TableSpec } from '../src/warehouse/warehouse.js';
import type { Dependencies } from './dependencies.js';

/** A check as a run reports it. */
export interface CheckSummary {
  name: string;
  severity: CheckSeverity;
  passed: boolean;
  observed: string;
  expected: string;
}

/** Audit: an ERROR stops here, and the published table stays as it was; a WARN is reported and the run goes on. */
export async function checkStaged(deps: Dependencies, staged: StagedTable, target: TableSpec, checks: readonly Check[], interval: DataInterval): Promise<CheckSummary[]> {
  const { cancellationSignal: signal, log } = Context.current();
  const results = await runChecks(
    deps.warehouse(),
    { table: staged.table, publishedTable: target.name, checks, interval, pipeline: interval.pipeline, run: interval.run },
    { signal },
  );
  for (const result of results) log[result.passed ? 'info' : 'warn'](describe(result));
  if (failedErrors(results).length > 0) throw checksFailed(results);
  return results.map(({ name, severity, passed, observed, expected }) => ({ name, severity, passed, observed, expected }));
}

function describe({ name, severity, passed, observed, expected }: CheckResult): string {
  return `check "${name}" ${passed ? 'passed' : `failed (${severity})`}: observed ${observed}, expected ${expected}`;
}
