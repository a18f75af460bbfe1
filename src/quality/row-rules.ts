import type { Bound, CheckOf } from './checks.js';
import { comparableAs, literalFor, typeName } from './literals.js';
import { atLeastShare, counted, plain, share } from './numbers.js';
import { allTrue, CheckCannotRun, columnOf, countOf, countWhere, quoted, tableSource, type Rule, type RuleContext } from './rule.js';

/** Rules about single rows: one that breaks them can be shown. */

const MAX_LISTED_VALUES = 20;
/** A sample shows the columns of the check and as many others as fit into an alert. */
const MAX_SAMPLE_COLUMNS = 12;
const COUNT_COLUMN = 'count(*)';

export function notNullRule(check: CheckOf<'notNull'>, context: RuleContext): Rule {
  const isNull = check.columns.map((name) => `${quoted(context, name)} IS NULL`).join(' OR ');
  return rowRule(check, context, { broken: isNull, columns: check.columns, expected: `no NULL in ${check.columns.join(', ')}` });
}

export function inRangeRule(check: CheckOf<'inRange'>, context: RuleContext): Rule {
  const column = columnOf(context, check.column);
  const kind = comparableAs(column.type);
  if (kind !== 'number' && kind !== 'time') {
    throw new CheckCannotRun(`column "${column.name}" is ${typeName(column.type)}; ranges are for numbers, dates and timestamps`);
  }
  const name = quoted(context, check.column);
  const bounds = [
    { breaks: '<', holds: '>=', value: check.min },
    { breaks: '<=', holds: '>', value: check.minExclusive },
    { breaks: '>', holds: '<=', value: check.max },
    { breaks: '>=', holds: '<', value: check.maxExclusive },
  ].filter((bound): bound is { breaks: string; holds: string; value: Bound } => bound.value !== undefined);
  const broken = bounds.map((bound) => `${name} ${bound.breaks} ${literalFor(context, column, bound.value)}`);
  // NaN sorts above every number, so that a lower bound alone would let it pass.
  if (column.type === 'double') broken.push(`${name} = ${context.dialect.literal('NaN', 'double')}`);
  const shown = (value: Bound): string => (kind === 'number' ? plain(value) : String(value));
  return rowRule(check, context, {
    broken: broken.join(' OR '),
    columns: [check.column],
    expected: `${check.column} ${bounds.map((bound) => `${bound.holds} ${shown(bound.value)}`).join(' and ')}`,
  });
}

export function acceptedValuesRule(check: CheckOf<'acceptedValues'>, context: RuleContext): Rule {
  const column = columnOf(context, check.column);
  const name = quoted(context, check.column);
  const nullable = check.allowNull ?? true;
  const values = check.values.map((value) => literalFor(context, column, value)).join(', ');
  const listed = check.values.slice(0, MAX_LISTED_VALUES).map(String);
  const more = check.values.length - listed.length;
  return rowRule(check, context, {
    broken: nullable ? `${name} NOT IN (${values})` : `${name} IS NULL OR ${name} NOT IN (${values})`,
    columns: [check.column],
    expected: `${check.column} one of ${listed.join(', ')}${more > 0 ? ` and ${more} more` : ''}${nullable ? ' or NULL' : ''}`,
  });
}

export function completenessRule(check: CheckOf<'completeness'>, context: RuleContext): Rule {
  const rule = rowRule(check, context, {
    broken: `${quoted(context, check.column)} IS NULL`,
    columns: [check.column],
    expected: `${check.column} filled in at least ${plain(check.min)} of the rows`,
  });
  return {
    ...rule,
    judge(measured) {
      const rows = countOf(measured, 'rows');
      const failing = countOf(measured, 'failing');
      const filled = rows - failing;
      return {
        passed: atLeastShare(filled, rows, check.min),
        observed: `${share(filled, rows)} (${filled} of ${rows} rows)`,
        failing,
      };
    },
  };
}

export function uniqueRule(check: CheckOf<'unique'>, context: RuleContext): Rule {
  const names = check.columns.map((name) => quoted(context, name));
  // As in a UNIQUE constraint, a key that holds a NULL equals no other.
  const complete = names.map((name) => `${name} IS NOT NULL`).join(' AND ');
  const filter = allTrue(check.where, complete);
  const occurrences = context.dialect.identifier(COUNT_COLUMN);
  const from =
    `(SELECT ${names.join(', ')}, COUNT(*) AS ${occurrences} FROM ${tableSource(context)} WHERE ${filter} ` +
    `GROUP BY ${names.join(', ')} HAVING COUNT(*) > 1) AS duplicates`;
  const key = check.columns.join(', ');
  return {
    expected: check.columns.length === 1 ? `every ${key} once` : `every combination of ${key} once`,
    measures: { keys: 'COUNT(*)', failing: `COALESCE(SUM(${occurrences}), 0)` },
    from,
    judge(measured) {
      const keys = countOf(measured, 'keys');
      const failing = countOf(measured, 'failing');
      return { passed: keys === 0, observed: keys === 0 ? 'no key twice' : `${counted(keys, 'key')} more than once, on ${counted(failing, 'row')}`, failing };
    },
    samples: { from, columns: [...check.columns, COUNT_COLUMN] },
  };
}

function rowRule(
  check: { where?: string | undefined },
  context: RuleContext,
  rule: { broken: string; columns: readonly string[]; expected: string },
): Rule {
  const where = allTrue(check.where, rule.broken);
  return {
    expected: rule.expected,
    measures: { rows: countWhere(check.where), failing: countWhere(check.where, rule.broken) },
    judge(measured) {
      const failing = countOf(measured, 'failing');
      return { passed: failing === 0, observed: `${failing} of ${countOf(measured, 'rows')} rows fail`, failing };
    },
    samples: { from: tableSource(context), ...(where === undefined ? {} : { where }), columns: sampleColumns(rule.columns, context) },
  };
}

function sampleColumns(first: readonly string[], context: RuleContext): readonly string[] {
  return [...new Set([...first, ...context.table.columns.map((column) => column.name)])].slice(0, MAX_SAMPLE_COLUMNS);
}
