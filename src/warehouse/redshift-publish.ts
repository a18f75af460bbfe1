import { MillraceError } from '../errors.js';
import { holderOf, LEDGER, ledgerValues, ofInterval, selectHolder, staleRun } from './ledger.js';
import { bracketed, checkAnswered, checkHasKey, checkRequest, checkStaged, rowsOutside, selectUnusableKey, unusableKey, unusableKeys } from './publish-rules.js';
import { describeTables, isAlreadyThere } from './redshift-catalog.js';
import { redshiftDialect } from './redshift-dialect.js';
import { isBrokenRule, StatementFailed } from './redshift-errors.js';
import type { RedshiftStatements } from './redshift-statements.js';
import type { NativeColumn } from './sql-transaction.js';
import { checkColumns, columnDefinitions, columnList } from './tables.js';
import type { ColumnType, PublishRequest, PublishResult, PublishTable, SqlValue, StatementOptions, TableSpec } from './warehouse.js';

/** A statement of the transaction. */
interface Step {
  sql: string;
  /** What it means when this statement divides by zero: see `isBrokenRule`. */
  refusal?: () => Promise<MillraceError>;
}

type Described = ReadonlyMap<string, readonly NativeColumn[]>;

const identifier = (name: string): string => redshiftDialect.identifier(name);
const literal = (value: SqlValue, type: ColumnType): string => redshiftDialect.literal(value, type);
const typeName = (type: ColumnType): string => redshiftDialect.type(type);

/**
 * The work of `Warehouse.publish` in one batch, which the server runs as one transaction whether this process lives or not. Nobody
 * looks in between, so that every rule is a statement which fails where the rule is broken.
 *
 * Redshift enforces no keys and locks tables as a whole. The lock on the ledger comes first: publishers follow one another, and each
 * one's snapshot, which its first read takes, holds what the one before has committed. Readers of the published tables do not wait.
 * See https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html
 */
export async function publishInOneBatch(statements: RedshiftStatements, request: PublishRequest, options: StatementOptions): Promise<PublishResult> {
  checkRequest(request);
  request.tables.filter(({ mode }) => mode === 'merge').forEach(({ target }) => checkHasKey(target));
  const described = await describeTables(statements, [LEDGER.name, ...request.tables.flatMap(namesIn)], options.signal);
  await ensureLedger(statements, described, options);
  request.tables.forEach((table) => checkTable(table, described));
  await checkQueries(statements, request.tables, described, options);

  const steps = [
    { sql: `LOCK ${identifier(LEDGER.name)}` },
    fence(statements, request),
    ...request.tables.flatMap((table, index) => tableSteps(statements, request, table, index)),
    { sql: `DELETE FROM ${identifier(LEDGER.name)} WHERE ${ofInterval(redshiftDialect, request)}` },
    { sql: insertLedgerRow(request) },
    { sql: `SELECT ${request.tables.map((_table, index) => `c${index}.n`).join(', ') || '0'}${countsFrom(request)}` },
  ];
  try {
    const done = await statements.transaction(steps.map(({ sql }) => sql), options);
    const [counts = []] = (await done.result(steps.length - 1)).rows;
    return { rows: Object.fromEntries(request.tables.map(({ target }, index) => [target.name, Number(counts[index])])) };
  } catch (error) {
    if (!(error instanceof StatementFailed) || error.step === undefined || !isBrokenRule(error)) throw error;
    throw (await steps[error.step]?.refusal?.()) ?? error;
  }
}

function namesIn({ target, from }: PublishTable): string[] {
  return 'staging' in from ? [target.name, from.staging] : [target.name];
}

/** It has to be there before it can be locked. */
async function ensureLedger(statements: RedshiftStatements, described: Described, options: StatementOptions): Promise<void> {
  const found = described.get(LEDGER.name);
  if (found) return checkColumns(redshiftDialect, LEDGER.name, LEDGER.columns, found, 'It is written by Millrace alone. Nothing was changed.');
  await createTable(statements, LEDGER, options.signal);
}

/** In a transaction of its own; another session may do the same at the same time. */
export async function createTable(statements: RedshiftStatements, table: TableSpec, signal?: AbortSignal): Promise<void> {
  try {
    await statements.transaction([createStatement(table)], { signal });
  } catch (error) {
    if (!(error instanceof StatementFailed) || !isAlreadyThere(error.message)) throw error;
  }
}

/** Blocks of other intervals are not read when one is replaced. */
function createStatement({ name, columns }: TableSpec): string {
  const sorted = columns.some((column) => column.name === 'interval_start') ? ` SORTKEY (${identifier('interval_start')})` : '';
  return `CREATE TABLE IF NOT EXISTS ${identifier(name)} (${columnDefinitions(redshiftDialect, columns, 'target')})${sorted}`;
}

function checkTable({ target, from }: PublishTable, described: Described): void {
  const found = described.get(target.name);
  if (found) checkColumns(redshiftDialect, target.name, target.columns, found, 'Migrate the table, or change the pipeline to fit it. Nothing was changed.');
  if ('staging' in from) checkStaged(redshiftDialect, target, from.staging, described.get(from.staging));
}

/** Asks for the queries' columns. Tables that this publication creates are not there yet: an empty one of the same name stands in. */
async function checkQueries(statements: RedshiftStatements, tables: readonly PublishTable[], described: Described, { signal }: StatementOptions): Promise<void> {
  const queries = tables.flatMap(({ target, from }) => ('query' in from ? [{ target, query: from.query }] : []));
  if (queries.length === 0) return;
  const missing = tables.filter(({ target }) => !described.has(target.name)).map(({ target }) => emptyTable(target));
  const withMissing = missing.length === 0 ? '' : `WITH ${missing.join(', ')} `;
  const done = await statements.transaction(queries.map(({ query }) => `${withMissing}SELECT * FROM ${bracketed(query)} AS incoming LIMIT 0`), { signal });
  for (const [index, { target }] of queries.entries()) checkAnswered(target, (await done.result(index)).columns);
}

function emptyTable({ name, columns }: TableSpec): string {
  const nulls = columns.map((column) => `CAST(NULL AS ${typeName(column.type)}) AS ${identifier(column.name)}`);
  return `${identifier(name)} AS (SELECT ${nulls.join(', ')} WHERE 1 = 0)`;
}

function fence(statements: RedshiftStatements, request: PublishRequest): Step {
  return {
    sql: `SELECT ${oneUnless('COUNT(*) > 0')} FROM ${identifier(LEDGER.name)} WHERE ${ofInterval(redshiftDialect, request)} AND generation > ${literal(request.generation, 'bigint')}`,
    // Its generation only grows, so that whoever holds it a moment later is newer too.
    refusal: async () => staleRun(request, holderOf(await firstRow(statements, selectHolder(redshiftDialect, request)))!),
  };
}

function tableSteps(statements: RedshiftStatements, request: PublishRequest, table: PublishTable, index: number): Step[] {
  const { target, from, mode, replaces = target.key, guard } = table;
  const name = identifier(target.name);
  const columns = columnList(redshiftDialect, target.columns.map((column) => column.name));
  const incoming = 'staging' in from ? identifier(from.staging) : incomingName(index);
  // What a query answers is needed more than once, and may be expensive.
  const kept = 'staging' in from ? [] : [{ sql: `CREATE TEMPORARY TABLE ${incoming} AS SELECT ${castColumns(target)} FROM ${bracketed(from.query)} AS answered` }];
  return [
    // Also where the table is there: the batch of a retry is known by being the same.
    { sql: createStatement(target) },
    // The lock on the ledger keeps others out.
    ...(guard === undefined ? [] : [{ sql: `SELECT ${oneUnless('COUNT(*) > 0')} FROM ${bracketed(guard.violations)} AS violations`, refusal: () => Promise.resolve(guard.refusal) }]),
    ...kept,
    mode === 'merge' ? keysAreUsable(statements, table, incoming) : rowsAreInside(statements, request, table, incoming),
    { sql: mode === 'merge' ? `DELETE FROM ${name} USING ${incoming} WHERE ${sameValues(target, replaces, incoming)}` : `DELETE FROM ${name} WHERE interval_start = ${literal(request.interval.start, 'timestamp')}` },
    { sql: `INSERT INTO ${name} (${columns}) SELECT ${columns} FROM ${incoming}` },
  ];
}

function incomingName(index: number): string {
  return identifier(`millrace_incoming_${index}`);
}

function castColumns({ columns }: TableSpec): string {
  return columns.map((column) => `CAST(${identifier(column.name)} AS ${typeName(column.type)}) AS ${identifier(column.name)}`).join(', ');
}

function sameValues({ name }: TableSpec, columns: readonly string[], incoming: string): string {
  return columns.map((column) => `${identifier(name)}.${identifier(column)} = ${incoming}.${identifier(column)}`).join(' AND ');
}

/** A row of another interval would stay behind when this one is published again. */
function rowsAreInside(statements: RedshiftStatements, { interval }: PublishRequest, { target, from }: PublishTable, incoming: string): Step {
  const inside = `interval_start = ${literal(interval.start, 'timestamp')} AND interval_end = ${literal(interval.end, 'timestamp')}`;
  const outside = `NOT (${inside}) OR interval_start IS NULL OR interval_end IS NULL`;
  return {
    sql: `SELECT ${oneUnless('COUNT(*) > 0')} FROM ${incoming} WHERE ${outside}`,
    refusal: async () => {
      if (!('staging' in from)) return rowsOutside(target, interval, 'Some rows');
      const [bad, all] = (await firstRow(statements, `SELECT COUNT(CASE WHEN ${outside} THEN 1 END), COUNT(*) FROM ${incoming}`)) ?? [];
      return rowsOutside(target, interval, `${bad} of ${all} rows`);
    },
  };
}

/** Rows with the same key, or with none, could not be replaced by a later publication. */
function keysAreUsable(statements: RedshiftStatements, { target, from }: PublishTable, incoming: string): Step {
  return {
    sql: `SELECT ${oneUnless('COUNT(*) > 0')} FROM (SELECT COUNT(*) AS n FROM ${incoming} ${unusableKeys(redshiftDialect, target)}) AS unusable`,
    refusal: async () => {
      const example = 'staging' in from ? await firstRow(statements, selectUnusableKey(redshiftDialect, target, incoming)) : undefined;
      if (example) return unusableKey(target, example);
      return new MillraceError('WAREHOUSE_REJECTED', `The rows to merge into ${target.name} include several rows with the same key, or rows without a complete one. Nothing was changed.`);
    },
  };
}

function oneUnless(broken: string): string {
  return `1 / (CASE WHEN ${broken} THEN 0 ELSE 1 END)`;
}

async function firstRow(statements: RedshiftStatements, sql: string): Promise<readonly SqlValue[] | undefined> {
  const done = await statements.transaction([sql]);
  return (await done.result(0)).rows[0];
}

/** The statement is the same on every attempt, so that a retry is known by it: the time is the server's. */
function insertLedgerRow(request: PublishRequest): string {
  const values = ledgerValues(request);
  const expressions = LEDGER.columns.map(({ name, type }) => {
    if (name === 'published_at') return 'SYSDATE';
    return name === 'rows' ? rowsAsJson(request) : literal(values[name] ?? null, type);
  });
  return `INSERT INTO ${identifier(LEDGER.name)} (${columnList(redshiftDialect, LEDGER.columns.map(({ name }) => name))}) SELECT ${expressions.join(', ')}${countsFrom(request)}`;
}

function rowsAsJson({ tables }: PublishRequest): string {
  const entries = tables.map(({ target }, index) => `${literal(`${index === 0 ? '' : ','}${JSON.stringify(target.name)}:`, 'text')} || CAST(c${index}.n AS character varying(20))`);
  return ["'{'", ...entries, "'}'"].join(' || ');
}

/** `c0.n`, `c1.n`, …: the rows of each table that this publication has brought. */
function countsFrom({ tables, interval }: PublishRequest): string {
  const counts = tables.map(({ target, from, mode }, index) => {
    const merged = 'staging' in from ? identifier(from.staging) : incomingName(index);
    const source = mode === 'merge' ? merged : `${identifier(target.name)} WHERE interval_start = ${literal(interval.start, 'timestamp')}`;
    return `(SELECT COUNT(*) AS n FROM ${source}) AS c${index}`;
  });
  return counts.length === 0 ? '' : ` FROM ${counts.join(', ')}`;
}
