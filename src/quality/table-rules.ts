import { TABLE_PLACEHOLDER, type CheckOf } from './checks.js';
import { typeName } from './literals.js';
import { counted, exact, plain } from './numbers.js';
import { bracketed, countOf, countWhere, quoted, type Rule, type RuleContext, type Verdict } from './rule.js';

/** Rules about the table as a whole: its size, age, sums and shape, and what an author's own SQL says of it. */

export function rowCountRule(check: CheckOf<'rowCount'>, context: RuleContext): Rule {
  const usual = usualCount(check.againstLast, context.previousCounts);
  const limits = [
    ...(check.min === undefined ? [] : [`at least ${counted(check.min, 'row')}`]),
    ...(check.max === undefined ? [] : [`at most ${counted(check.max, 'row')}`]),
    ...(usual === undefined ? [] : [usual.expected]),
  ];
  return {
    expected: limits.join(' and '),
    measures: { rows: countWhere(check.where) },
    judge(measured) {
      const rows = countOf(measured, 'rows');
      const passed = (check.min ?? 0) <= rows && rows <= (check.max ?? Infinity) && (usual?.holds(rows) ?? true);
      return { passed, observed: `${counted(rows, 'row')}${usual?.note ?? ''}` };
    },
  };
}

/** What the last runs allow. With fewer runs than asked for nothing is compared: one run's count says little about the next. */
function usualCount(
  wanted: CheckOf<'rowCount'>['againstLast'],
  previousCounts: readonly number[],
): { expected: string; note: string; holds(rows: number): boolean } | undefined {
  if (!wanted) return undefined;
  const { runs, tolerance } = wanted;
  const counts = previousCounts.slice(0, runs);
  const allowed = `within ${plain(Math.round(tolerance * 10_000) / 100)} % of the average of the last ${counted(runs, 'run')}`;
  if (counts.length < runs) {
    return { expected: allowed, note: ` (not compared: ${counts.length} of ${counted(runs, 'earlier run')})`, holds: () => true };
  }
  const average = counts.reduce((sum, count) => sum + count, 0) / runs;
  const [low, high] = [average * (1 - tolerance), average * (1 + tolerance)].map((limit) => Math.round(limit * 1000) / 1000) as [number, number];
  return { expected: `${allowed} (${plain(Math.max(low, 0))} to ${plain(high)})`, note: '', holds: (rows) => low <= rows && rows <= high };
}

export function freshnessRule(check: CheckOf<'freshness'>, context: RuleContext): Rule {
  const name = quoted(context, check.column);
  const newest = check.where === undefined ? `MAX(${name})` : `MAX(CASE WHEN ${bracketed(check.where)} THEN ${name} END)`;
  const newestTime = `CAST(${newest} AS ${context.dialect.type('timestamp')})`;
  return {
    expected: `newest ${check.column} at most ${plain(check.maxAgeSeconds)} s before ${check.asOf}`,
    measures: { age: context.dialect.secondsBetween(newestTime, context.dialect.literal(check.asOf, 'timestamp')) },
    judge({ age }) {
      const seconds = typeof age === 'string' ? exact(age) : undefined;
      if (!seconds) return { passed: false, observed: 'no row has a value' };
      const shown = seconds.abs().decimalPlaces(3).toFixed();
      return {
        passed: seconds.lte(check.maxAgeSeconds),
        observed: seconds.isNegative() ? `newest is ${shown} s after it` : `newest is ${shown} s old`,
      };
    },
  };
}

export function reconcilesRule(check: CheckOf<'reconciles'>): Rule {
  const { what } = check;
  const tolerance = check.tolerance ?? 0;
  const within = exact(tolerance)?.isZero() ? '' : ` ± ${plain(tolerance)}`;
  return {
    expected: `${'sum' in what ? `sum of ${what.sum}` : 'rows'} = ${plain(check.expected)}${within} (${check.source})`,
    measures: { observed: 'sum' in what ? sumWhere(what.sum, check.where) : countWhere(check.where) },
    judge({ observed }) {
      // No rows add up to NULL in SQL; what was extracted from nothing is 0.
      const found = observed ?? '0';
      const difference = exact(found)?.minus(check.expected).abs();
      return { passed: difference?.lte(tolerance) ?? false, observed: plain(found) };
    },
  };
}

function sumWhere(expression: string, where: string | undefined): string {
  return where === undefined ? `SUM${bracketed(expression)}` : `SUM(CASE WHEN ${bracketed(where)} THEN ${bracketed(expression)} END)`;
}

/** Judged by the table's description; reads no row. */
export function schemaRule(check: CheckOf<'schema'>, context: RuleContext): Rule {
  const actual = new Map(context.table.columns.map((column) => [column.name, typeName(column.type)]));
  const expected = new Map(check.columns.map((column) => [column.name, typeName(column.type)]));
  const differences = [...expected].flatMap(([name, type]) => {
    const found = actual.get(name);
    if (found === undefined) return [`${name} is missing`];
    return found === type ? [] : [`${name} is ${found}`];
  });
  if (!check.allowExtra) differences.push(...[...actual.keys()].filter((name) => !expected.has(name)).map((name) => `${name} is not expected`));
  return {
    expected: [...expected].map(([name, type]) => `${name} ${type}`).join(', ') + (check.allowExtra ? ', others allowed' : ''),
    measures: {},
    judge: () => ({ passed: differences.length === 0, observed: differences.length === 0 ? 'as expected' : differences.join('; ') }),
  };
}

export function customSqlRule(check: CheckOf<'customSql'>, context: RuleContext): Rule {
  const sql = bracketed(check.sql.replaceAll(TABLE_PLACEHOLDER, () => context.dialect.identifier(context.table.name)));
  if ((check.yields ?? 'failingRows') === 'failingRows') {
    const from = `${sql} AS failing`;
    return {
      expected: 'no failing rows',
      measures: { failing: 'COUNT(*)' },
      from,
      judge(measured) {
        const failing = countOf(measured, 'failing');
        return { passed: failing === 0, observed: counted(failing, 'failing row'), failing };
      },
      samples: { from },
    };
  }
  return {
    expected: check.yields === 'boolean' ? 'true' : '0',
    measures: { rows: 'COUNT(*)', answer: `MIN(${context.dialect.text('answer', check.yields === 'boolean' ? 'boolean' : undefined)})` },
    from: `${sql} AS answers(answer)`,
    judge: (measured) => judgeAnswer(check, countOf(measured, 'rows'), measured['answer'] ?? null),
  };
}

function judgeAnswer(check: CheckOf<'customSql'>, rows: number, answer: string | null): Verdict {
  if (rows !== 1) return { passed: false, observed: `${counted(rows, 'row')} instead of one` };
  if (answer === null) return { passed: false, observed: 'NULL' };
  if (check.yields === 'boolean') return { passed: /^(true|t)$/i.test(answer), observed: answer };
  return { passed: exact(answer)?.isZero() ?? false, observed: plain(answer) };
}
