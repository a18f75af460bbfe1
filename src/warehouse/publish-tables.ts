import { MillraceError } from '../errors.js';
import { LEDGER, recordRows, staleRun } from './ledger.js';
import type { SqlTransaction } from './sql-transaction.js';
import { checkColumns, columnList, ensureTable } from './tables.js';
import type { PublishRequest, PublishResult, PublishTable, TableSpec } from './warehouse.js';

/** Rows on their way into a target table. */
interface Incoming {
  /** What stands after FROM. */
  from: string;
  /** One expression per column of the target, in its order. */
  values: string;
}

const INTERVAL_COLUMNS = ['interval_start', 'interval_end'];

/** The work of `Warehouse.publish` inside the transaction that the adapter has opened; the tables are published in their order. */
export async function publishTables(tx: SqlTransaction, request: PublishRequest): Promise<PublishResult> {
  checkRequest(request);
  await ensureTable(tx, LEDGER);
  const newer = await tx.claimInterval(request);
  if (newer) throw staleRun(request, newer);
  const rows: Record<string, number> = {};
  for (const table of request.tables) {
    rows[table.target.name] = table.mode === 'merge' ? await merge(tx, table) : await replaceInterval(tx, table, request);
  }
  await tx.run(recordRows(tx.dialect, request, rows));
  return { rows };
}

function checkRequest({ tables, generation }: PublishRequest): void {
  if (!Number.isSafeInteger(generation)) throw new MillraceError('WAREHOUSE_REJECTED', `The generation of a publication must be a whole number, not ${generation}`);
  const seen = new Set<string>();
  for (const { target } of tables) {
    if (seen.has(target.name)) throw new MillraceError('WAREHOUSE_REJECTED', `Table ${target.name} is named twice in one publication: the second one would remove the rows of the first`);
    seen.add(target.name);
    const missing = INTERVAL_COLUMNS.filter((name) => !target.columns.some((column) => column.name === name && column.type === 'timestamp'));
    if (missing.length > 0) throw new MillraceError('SCHEMA_MISMATCH', `Table ${target.name} is published by interval and needs ${missing.join(' and ')} (timestamp) among its columns`);
  }
}

async function replaceInterval(tx: SqlTransaction, table: PublishTable, { interval }: PublishRequest): Promise<number> {
  const { dialect } = tx;
  const target = dialect.identifier(table.target.name);
  const sameStart = `interval_start = ${dialect.literal(interval.start, 'timestamp')}`;
  const { created } = await ensureTable(tx, table.target);
  const incoming = await incomingRows(tx, table);
  // A first load is the usual case, and looking is much cheaper than a DELETE that finds nothing.
  if (!created && (await tx.rows(`SELECT 1 FROM ${target} WHERE ${sameStart} LIMIT 1`)).length > 0) {
    await tx.run(`DELETE FROM ${target} WHERE ${sameStart}`);
  }
  const inserted = await insert(tx, table.target, incoming);
  // A row of another interval would stay behind when this one is published again.
  const [counted] = await tx.rows(`SELECT count(*) FROM ${target} WHERE ${sameStart} AND interval_end = ${dialect.literal(interval.end, 'timestamp')}`);
  const outside = inserted - Number(counted?.[0]);
  if (outside !== 0) {
    throw new MillraceError(
      'WAREHOUSE_REJECTED',
      `${outside} of ${inserted} rows for ${table.target.name} have another interval_start or interval_end than the published ${interval.start} to ${interval.end}. Nothing was changed.`,
    );
  }
  return inserted;
}

async function merge(tx: SqlTransaction, table: PublishTable): Promise<number> {
  const { target } = table;
  const { created } = await ensureTable(tx, target);
  const incoming = await incomingRows(tx, table);
  // The rows are needed three times, and a query may be expensive or answer differently each time.
  const kept = 'staging' in table.from ? incoming : await keepIncoming(tx, target, incoming);
  await refuseUnusableKeys(tx, target, kept);
  if (!created) {
    const name = tx.dialect.identifier(target.name);
    const sameKey = target.key.map((key) => `incoming.${tx.dialect.identifier(key)} = ${name}.${tx.dialect.identifier(key)}`);
    await tx.run(`DELETE FROM ${name} WHERE EXISTS (SELECT 1 FROM ${kept.from} AS incoming WHERE ${sameKey.join(' AND ')})`);
  }
  const inserted = await insert(tx, target, kept);
  if (kept !== incoming) await tx.run(`DROP TABLE ${kept.from}`);
  return inserted;
}

/** Where the rows come from, once it is known to fit the target. */
async function incomingRows(tx: SqlTransaction, { target, from }: PublishTable): Promise<Incoming> {
  const { dialect } = tx;
  const names = target.columns.map((column) => column.name);
  if ('staging' in from) {
    const columns = await tx.columnsOf(from.staging);
    if (!columns) throw new MillraceError('WAREHOUSE_REJECTED', `The staging table ${from.staging} for ${target.name} does not exist: run the step that fills it again`);
    checkColumns(dialect, from.staging, target.columns, columns, 'Run the step that fills it again. Nothing was changed.');
    return { from: dialect.identifier(from.staging), values: columnList(dialect, names) };
  }
  // The line break ends a comment that the query may end with.
  const query = `(${from.query.trim().replace(/;\s*$/, '')}\n)`;
  const answered = await tx.columnsOfQuery(`SELECT * FROM ${query} AS incoming`);
  if (answered.length !== names.length || answered.some((name, index) => name !== names[index])) {
    throw new MillraceError('SCHEMA_MISMATCH', `The query for ${target.name} has the columns ${answered.join(', ')}, expected ${names.join(', ')} in this order. Nothing was changed.`);
  }
  return { from: `${query} AS incoming`, values: target.columns.map(({ name, type }) => `CAST(${dialect.identifier(name)} AS ${dialect.type(type)})`).join(', ') };
}

async function keepIncoming(tx: SqlTransaction, target: TableSpec, incoming: Incoming): Promise<Incoming> {
  const { dialect } = tx;
  const from = dialect.identifier('millrace_incoming');
  const values = target.columns.map(({ name, type }) => `CAST(${dialect.identifier(name)} AS ${dialect.type(type)}) AS ${dialect.identifier(name)}`);
  await tx.run(`CREATE TEMPORARY TABLE ${from} AS SELECT ${values.join(', ')} FROM ${incoming.from}`);
  return { from, values: columnList(dialect, target.columns.map((column) => column.name)) };
}

/** Rows with the same key, or with none, could not be replaced by a later publication. */
async function refuseUnusableKeys(tx: SqlTransaction, target: TableSpec, incoming: Incoming): Promise<void> {
  if (target.key.length === 0) throw new MillraceError('WAREHOUSE_REJECTED', `Table ${target.name} has no key, so that rows cannot be merged into it`);
  const keys = columnList(tx.dialect, target.key);
  const shown = target.key.map((key) => tx.dialect.text(tx.dialect.identifier(key))).join(', ');
  const nulls = target.key.map((key) => `${tx.dialect.identifier(key)} IS NULL`).join(' OR ');
  const [bad] = await tx.rows(`SELECT ${shown}, count(*) FROM ${incoming.from} GROUP BY ${keys} HAVING count(*) > 1 OR ${nulls} ORDER BY ${keys} LIMIT 1`);
  if (!bad) return;
  const key = target.key.map((name, index) => `${name} = ${bad[index] ?? 'NULL'}`).join(', ');
  const problem = bad.slice(0, -1).includes(null) ? 'rows without a complete key' : 'several rows with the same key';
  throw new MillraceError('WAREHOUSE_REJECTED', `The rows to merge into ${target.name} include ${problem}, for example ${key} (${bad.at(-1)} rows). Nothing was changed.`);
}

function insert(tx: SqlTransaction, target: TableSpec, incoming: Incoming): Promise<number> {
  const names = columnList(tx.dialect, target.columns.map((column) => column.name));
  return tx.run(`INSERT INTO ${tx.dialect.identifier(target.name)} (${names}) SELECT ${incoming.values} FROM ${incoming.from}`);
}
