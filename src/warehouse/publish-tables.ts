import { LEDGER, recordRows, staleRun } from './ledger.js';
import { bracketed, checkAnswered, checkHasKey, checkRequest, checkStaged, rowsOutside, selectUnusableKey, unusableKey } from './publish-rules.js';
import type { SqlTransaction } from './sql-transaction.js';
import { columnList, ensureTable } from './tables.js';
import type { PublishRequest, PublishResult, PublishTable, TableSpec } from './warehouse.js';

/** Rows on their way into a target table. */
interface Incoming {
  /** What stands after FROM. */
  from: string;
  /** One expression per column of the target, in its order. */
  values: string;
}

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
    throw rowsOutside(table.target, interval, `${outside} of ${inserted} rows`);
  }
  return inserted;
}

async function merge(tx: SqlTransaction, table: PublishTable): Promise<number> {
  const { target, replaces = target.key, guard } = table;
  const { created } = await ensureTable(tx, target);
  if (guard !== undefined) {
    // Whoever publishes under the same guard has committed, or waits for us.
    await tx.lockTable(target.name);
    if ((await tx.rows(guard.violations)).length > 0) throw guard.refusal;
  }
  const incoming = await incomingRows(tx, table);
  // The rows are needed three times, and a query may be expensive or answer differently each time.
  const kept = 'staging' in table.from ? incoming : await keepIncoming(tx, target, incoming);
  await refuseUnusableKeys(tx, target, kept);
  if (!created) {
    const name = tx.dialect.identifier(target.name);
    const replaced = replaces.map((key) => `incoming.${tx.dialect.identifier(key)} = ${name}.${tx.dialect.identifier(key)}`);
    await tx.run(`DELETE FROM ${name} WHERE EXISTS (SELECT 1 FROM ${kept.from} AS incoming WHERE ${replaced.join(' AND ')})`);
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
    checkStaged(dialect, target, from.staging, columns);
    return { from: dialect.identifier(from.staging), values: columnList(dialect, names) };
  }
  const query = bracketed(from.query);
  checkAnswered(target, await tx.columnsOfQuery(`SELECT * FROM ${query} AS incoming`));
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
  checkHasKey(target);
  const [bad] = await tx.rows(selectUnusableKey(tx.dialect, target, incoming.from));
  if (bad) throw unusableKey(target, bad);
}

function insert(tx: SqlTransaction, target: TableSpec, incoming: Incoming): Promise<number> {
  const names = columnList(tx.dialect, target.columns.map((column) => column.name));
  return tx.run(`INSERT INTO ${tx.dialect.identifier(target.name)} (${names}) SELECT ${incoming.values} FROM ${incoming.from}`);
}
