import { MillraceError } from '../errors.js';
import type { CheckKind, CheckSeverity } from './checks.js';

/** What one check found. Small enough for a step's result; sandbox-safe. */
export interface CheckResult {
  name: string;
  /** The published table's name. */
  table: string;
  kind: CheckKind;
  severity: CheckSeverity;
  passed: boolean;
  /** For people; the same text from every warehouse. */
  observed: string;
  expected: string;
  /** Rows that break the rule; absent where the rule is about the table as a whole. */
  failing?: number;
  /** Up to 5 of the failing rows, values as text; empty when the check passed. */
  samples: readonly Readonly<Record<string, string | null>>[];
  /** Why the check could not be run, or its samples not be read. */
  error?: string;
}

/** The results that stop publishing. */
export function failedErrors(results: readonly CheckResult[]): readonly CheckResult[] {
  return results.filter((result) => !result.passed && result.severity === 'ERROR');
}

/** `keys_unique: 1 key more than once, on 2 rows; expected every combination of invoice_no, line_no once` */
export function checkLine(result: CheckResult): string {
  const reason = result.error === undefined ? '' : ` (${result.error})`;
  return `${result.name}: ${result.observed}; expected ${result.expected}${reason}`;
}

/** A first line that names more checks than this is no line any more. */
const MOST_NAMES = 3;

/** `CHECK_FAILED`, with the names in its first line and then a line for each failed ERROR check; its details hold all results. */
export function checksFailed(results: readonly CheckResult[]): MillraceError {
  const failed = failedErrors(results);
  const tables = [...new Set(failed.map((result) => result.table))].join(', ');
  const message = `${failed.length} of ${results.length} checks failed for ${tables}, which stays as it was: ${namesOf(failed)}. Correct the source or the check, then run again.`;
  return new MillraceError('CHECK_FAILED', [message, ...failed.map((result) => `- ${checkLine(result)}`)].join('\n'), { details: { results } });
}

function namesOf(failed: readonly CheckResult[]): string {
  const names = failed.slice(0, MOST_NAMES).map(({ name }) => name);
  return failed.length > MOST_NAMES ? `${names.join(', ')} and ${failed.length - MOST_NAMES} more` : names.join(', ');
}
