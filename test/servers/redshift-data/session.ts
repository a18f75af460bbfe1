import type { ClientBase, CustomTypesConfig } from 'pg';

/** A statement's session, and what COPY needs to know of it. */
export interface Session {
  client: ClientBase;
  pid: number;
  queryId: number;
  /** Runs beside the transaction, so that it outlives a rollback: what Redshift's own logs do. */
  record(sql: string, values: readonly unknown[]): Promise<void>;
  /** For the files of one statement. */
  folder: string;
}

export interface TableColumn {
  name: string;
  /** As `format_type` spells it. */
  type: string;
  nullable: boolean;
}

/** Values stay the text that PostgreSQL sent. */
export const RAW: CustomTypesConfig = { getTypeParser: () => (value: string | Buffer) => String(value) };

/** PostgreSQL's own error where there is no such table. */
export async function columnsOf({ client }: Session, table: string): Promise<{ id: number; columns: TableColumn[] }> {
  const { rows } = await client.query<{ id: string; name: string; type: string; nullable: boolean }>(
    'SELECT attrelid::text AS id, attname::text AS name, format_type(atttypid, atttypmod) AS type, NOT attnotnull AS nullable FROM pg_attribute ' +
      'WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum',
    [table],
  );
  return { id: Number(rows[0]?.id), columns: rows.map(({ name, type, nullable }) => ({ name, type, nullable })) };
}
