import type { SqlValue } from '../warehouse/warehouse.js';
import type { Check } from './checks.js';
import { acceptedValuesRule, completenessRule, inRangeRule, notNullRule, uniqueRule } from './row-rules.js';
import { tableSource, type Measured, type Rule, type RuleContext, type SampleSource } from './rule.js';
import { customSqlRule, freshnessRule, reconcilesRule, rowCountRule, schemaRule } from './table-rules.js';

export const MAX_SAMPLES = 5;

/** A check as SQL for one table of one warehouse; `CheckCannotRun` when it does not fit the table. */
export function compileCheck(check: Check, context: RuleContext): Rule {
  switch (check.kind) {
    case 'notNull':
      return notNullRule(check, context);
    case 'unique':
      return uniqueRule(check, context);
    case 'inRange':
      return inRangeRule(check, context);
    case 'acceptedValues':
      return acceptedValuesRule(check, context);
    case 'rowCount':
      return rowCountRule(check, context);
    case 'freshness':
      return freshnessRule(check, context);
    case 'completeness':
      return completenessRule(check, context);
    case 'schema':
      return schemaRule(check, context);
    case 'reconciles':
      return reconcilesRule(check);
  }
  return customSqlRule(check, context);
}

export interface MeasuringStatement {
  sql: string;
  /** The measures of each rule, in the order of the rules, out of the statement's one row. */
  read(row: readonly SqlValue[]): readonly Measured[];
}

/** One statement of one row that measures all the given rules, which have the same source; an expression that several need is asked for once. */
export function measuringStatement(rules: readonly Rule[], context: RuleContext): MeasuringStatement {
  const expressions = [...new Set(rules.flatMap((rule) => Object.values(rule.measures)))];
  const from = rules[0]?.from ?? tableSource(context);
  return {
    sql: `SELECT ${expressions.map((expression, index) => `${context.dialect.text(expression)} AS m${index}`).join(', ')}\nFROM ${from}`,
    read: (row) =>
      rules.map((rule) =>
        Object.fromEntries(
          Object.entries(rule.measures).map(([name, expression]) => {
            const value = row[expressions.indexOf(expression)] ?? null;
            return [name, value === null ? null : String(value)];
          }),
        ),
      ),
  };
}

/** Yields no rows but the names of the source's columns. */
export function columnsStatement(source: SampleSource): string {
  return `SELECT * FROM ${source.from} LIMIT 0`;
}

/** Up to `MAX_SAMPLES` rows as text, the same ones every time: ordered by all columns that are shown. */
export function sampleStatement(context: RuleContext, source: SampleSource, columns: readonly string[]): string {
  const { dialect, table } = context;
  const types = new Map(source.columns ? table.columns.map(({ name, type }) => [name, type]) : []);
  const shown = columns.map((column, index) => `${dialect.text(dialect.identifier(column), types.get(column))} AS s${index}`).join(', ');
  const where = source.where === undefined ? '' : `\nWHERE ${source.where}`;
  // Every value has an order as text; only types known to have one are ordered by value (JSON, described as text, has none).
  const ordered = source.columns ? table.columns.filter((column) => column.type !== 'text').map((column) => column.name) : [];
  const order = columns.map((column) => (ordered.includes(column) ? dialect.identifier(column) : dialect.text(dialect.identifier(column)))).join(', ');
  return `SELECT ${shown}\nFROM ${source.from}${where}\nORDER BY ${order}\nLIMIT ${MAX_SAMPLES}`;
}
