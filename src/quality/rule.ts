import type { Dialect } from '../warehouse/dialect.js';
import type { Column } from '../warehouse/warehouse.js';

/** The table under check, as the warehouse describes it. */
export interface CheckedTable {
  name: string;
  columns: readonly Column[];
}

export interface RuleContext {
  dialect: Dialect;
  table: CheckedTable;
  /** Rows that earlier intervals published, the latest first. */
  previousCounts: readonly number[];
}

/** What the warehouse measured, as text, by name. */
export type Measured = Readonly<Record<string, string | null>>;

export interface Verdict {
  passed: boolean;
  observed: string;
  /** Rows that break the rule; absent where the rule is about the table as a whole. */
  failing?: number;
}

/** Where sample rows come from; without `columns` the statement is asked for its own. */
export interface SampleSource {
  from: string;
  where?: string;
  columns?: readonly string[];
}

/** One check as SQL: what to measure, and how to judge it. */
export interface Rule {
  expected: string;
  /** Aggregate expressions by name. None: the rule needs no statement. */
  measures: Readonly<Record<string, string>>;
  /** A derived table to measure; absent: the table itself, in the scan that all such rules share. */
  from?: string;
  judge(measured: Measured): Verdict;
  samples?: SampleSource;
}

/** The check does not fit the table: a failed result with this message, not a crash. */
export class CheckCannotRun extends Error {
  override readonly name = 'CheckCannotRun';
}

/** The name by which predicates may call the table under check. */
export const TABLE_ALIAS = 'checked';

export function tableSource(context: RuleContext): string {
  return `${context.dialect.identifier(context.table.name)} AS ${TABLE_ALIAS}`;
}

/** The author's SQL in brackets of its own; the line break ends a trailing comment. */
export function bracketed(sql: string): string {
  return `(${sql.trim().replace(/;\s*$/, '')}\n)`;
}

export function columnOf(context: RuleContext, name: string): Column {
  const column = context.table.columns.find((candidate) => candidate.name === name);
  if (column) return column;
  const known = context.table.columns.map((candidate) => candidate.name).join(', ');
  throw new CheckCannotRun(`the table has no column "${name}"; its columns are ${known}`);
}

/** The column's quoted name, for SQL; `CheckCannotRun` when the table does not have it. */
export function quoted(context: RuleContext, name: string): string {
  return context.dialect.identifier(columnOf(context, name).name);
}

/** The predicates joined by AND; `undefined` when there are none. */
export function allTrue(...predicates: readonly (string | undefined)[]): string | undefined {
  const given = predicates.filter((predicate) => predicate !== undefined);
  return given.length === 0 ? undefined : given.map(bracketed).join(' AND ');
}

/** Rows for which every given predicate is true. Portable to warehouses without FILTER, and 0, not NULL, over no rows. */
export function countWhere(...predicates: readonly (string | undefined)[]): string {
  const all = allTrue(...predicates);
  return all === undefined ? 'COUNT(*)' : `COUNT(CASE WHEN ${all} THEN 1 END)`;
}

/** The measure as a whole number: counts are never NULL. */
export function countOf(measured: Measured, name: string): number {
  return Number(measured[name] ?? 0);
}
