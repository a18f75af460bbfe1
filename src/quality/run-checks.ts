import { isMillraceError } from '../errors.js';
import type { LoadInterval, QueryResult, Warehouse } from '../warehouse/warehouse.js';
import type { CheckResult } from './check-result.js';
import { parseChecks, type Check } from './checks.js';
import { columnsStatement, compileCheck, measuringStatement, sampleStatement } from './compile.js';
import { publishedCounts } from './previous-counts.js';
import { storeResults } from './results-table.js';
import { CheckCannotRun, type Measured, type Rule, type RuleContext, type SampleSource } from './rule.js';

export { checksFailed, failedErrors, type CheckResult } from './check-result.js';

/** Longer values are cut in samples, so that a result stays small. */
const MAX_SAMPLE_CHARACTERS = 200;

export interface CheckRequest {
  /** The table to read: as a rule the staging table of this run. */
  table: string;
  /** The table that it will become, under which results are stored and earlier counts are found; default `table`. */
  publishedTable?: string;
  checks: readonly Check[];
  pipeline: string;
  run: string;
  interval: LoadInterval;
  /** Rows of earlier intervals, the latest first, for `rowCount` with `againstLast`; default: what the ledger says. */
  previousCounts?: readonly number[];
}

/**
 * Runs the checks over the table, stores the results in `millrace_checks` and returns them in the order of the checks.
 * All checks that are plain aggregates share one scan. A check that cannot be run (a missing column, SQL that the warehouse
 * rejects) is a failed result with the reason. Throws `BAD_PARAMS` for bad definitions, and what the warehouse throws when
 * it cannot be reached or does not let us in: then nothing was judged.
 */
export async function runChecks(warehouse: Warehouse, request: CheckRequest, options: { signal: AbortSignal }): Promise<readonly CheckResult[]> {
  const { pipeline, run, interval } = request;
  const checks = parseChecks(request.checks);
  const published = request.publishedTable ?? request.table;
  options.signal.throwIfAborted();
  const columns = await warehouse.describe(request.table);
  let results: readonly CheckResult[];
  if (columns) {
    const table = { name: request.table, columns };
    const counts = request.previousCounts ?? (await publishedCounts(warehouse, { pipeline, table: published, before: interval.start, runs: runsWanted(checks) }, options));
    results = await createSession(warehouse, published, { dialect: warehouse.dialect, table, previousCounts: counts }, options).judgeAll(checks);
  } else {
    results = checks.map((check) => cannotRun(published, check, `there is no table "${request.table}"`));
  }
  options.signal.throwIfAborted();
  await storeResults(warehouse, { pipeline, run, interval, table: published }, results, new Date());
  return results;
}

function runsWanted(checks: readonly Check[]): number {
  return Math.max(0, ...checks.map((check) => (check.kind === 'rowCount' ? (check.againstLast?.runs ?? 0) : 0)));
}

/** A check with its SQL. */
interface Compiled {
  check: Check;
  rule: Rule;
}

/** What was measured for a rule, or why it could not be. */
type Measurement = { measured: Measured } | { error: string };

/** Judges checks of one table; everything that the steps of judging share is bound here. */
function createSession(warehouse: Warehouse, published: string, context: RuleContext, options: { signal: AbortSignal }) {
  const query = (sql: string): Promise<QueryResult> => warehouse.query(sql, options);

  async function judgeAll(checks: readonly Check[]): Promise<readonly CheckResult[]> {
    const results = new Map<Check, CheckResult>();
    const compiled: Compiled[] = [];
    for (const check of checks) {
      try {
        compiled.push({ check, rule: compileCheck(check, context) });
      } catch (error) {
        results.set(check, cannotRun(published, check, reasonOf(error)));
      }
    }
    for (const group of bySource(compiled)) {
      const measurements = await measure(group.map(({ rule }) => rule));
      for (const [index, { check, rule }] of group.entries()) {
        const measurement = measurements[index] ?? { error: 'it was not measured' };
        results.set(check, 'error' in measurement ? cannotRun(published, check, measurement.error, rule) : await judge(check, rule, measurement.measured));
      }
    }
    return checks.flatMap((check) => results.get(check) ?? []);
  }

  async function measure(rules: readonly Rule[]): Promise<readonly Measurement[]> {
    if (rules.every((rule) => Object.keys(rule.measures).length === 0)) return rules.map(() => ({ measured: {} }));
    const statement = measuringStatement(rules, context);
    try {
      const { rows } = await query(statement.sql);
      return statement.read(rows[0] ?? []).map((measured) => ({ measured }));
    } catch (error) {
      const reason = reasonOf(error);
      if (rules.length === 1) return [{ error: reason }];
      // One author's predicate must not fail the others' checks: ask one by one, which names the wrong one.
      const measurements: Measurement[] = [];
      for (const rule of rules) measurements.push(...(await measure([rule])));
      return measurements;
    }
  }

  async function judge(check: Check, rule: Rule, measured: Measured): Promise<CheckResult> {
    const { name, kind, severity } = check;
    const verdict = rule.judge(measured);
    const result: CheckResult = { name, table: published, kind, severity, ...verdict, expected: rule.expected, samples: [] };
    if (verdict.passed || !rule.samples) return result;
    try {
      return { ...result, samples: await readSamples(rule.samples) };
    } catch (error) {
      return { ...result, error: `sample rows could not be read: ${reasonOf(error)}` };
    }
  }

  async function readSamples(source: SampleSource): Promise<CheckResult['samples']> {
    const columns = source.columns ?? (await query(columnsStatement(source))).columns;
    const { rows } = await query(sampleStatement(context, source, columns));
    return rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, shownValue(row[index] ?? null)])));
  }

  return { judgeAll };
}

/** The rules with the same source together: the table itself is scanned once for all of them. */
function bySource(compiled: readonly Compiled[]): readonly (readonly Compiled[])[] {
  const groups = new Map<string, Compiled[]>();
  for (const item of compiled) {
    const source = item.rule.from ?? '';
    groups.set(source, [...(groups.get(source) ?? []), item]);
  }
  return [...groups.values()];
}

/** Why a check does not fit the table or the warehouse rejected its statement; anything else is not about the check and is thrown on. */
function reasonOf(error: unknown): string {
  if (error instanceof CheckCannotRun) return error.message;
  if (isMillraceError(error) && (error.code === 'WAREHOUSE_REJECTED' || error.code === 'SCHEMA_MISMATCH')) return error.message;
  throw error;
}

function shownValue(value: string | number | boolean | null): string | null {
  if (value === null) return null;
  const text = String(value);
  return text.length <= MAX_SAMPLE_CHARACTERS ? text : `${text.slice(0, MAX_SAMPLE_CHARACTERS)}…`;
}

function cannotRun(published: string, check: Check, error: string, rule?: Rule): CheckResult {
  const { name, kind, severity } = check;
  const expected = rule?.expected ?? 'a check that can be run';
  return { name, table: published, kind, severity, passed: false, observed: 'the check could not be run', expected, samples: [], error };
}
