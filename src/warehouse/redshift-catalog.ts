import { redshiftDialect } from './redshift-dialect.js';
import type { RedshiftStatements } from './redshift-statements.js';
import type { NativeColumn } from './sql-transaction.js';

/** Columns by table, for those of the tables and views that exist in the session's schema. */
export async function describeTables(statements: RedshiftStatements, names: readonly string[], signal?: AbortSignal): Promise<ReadonlyMap<string, readonly NativeColumn[]>> {
  const text = (expression: string): string => redshiftDialect.text(expression);
  const wanted = names.map((name) => redshiftDialect.literal(name, 'text')).join(', ');
  const done = await statements.transaction(
    [
      `SELECT ${text('c.relname')}, ${text('a.attname')}, ${text('format_type(a.atttypid, a.atttypmod)')}, a.attnotnull FROM pg_class AS c ` +
        'JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_attribute AS a ON a.attrelid = c.oid ' +
        `WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'v') AND c.relname IN (${wanted}) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum`,
    ],
    { signal },
  );
  const tables = new Map<string, NativeColumn[]>();
  for (const [table, name, type, required] of (await done.result(0)).rows) {
    const columns = tables.get(String(table)) ?? [];
    columns.push({ name: String(name), type: String(type), nullable: required !== true });
    tables.set(String(table), columns);
  }
  return tables;
}

/** `CREATE TABLE IF NOT EXISTS` fails when two sessions create the same table at the same time: then it is there. */
export function isAlreadyThere(text: string): boolean {
  return /already exists/i.test(text);
}
