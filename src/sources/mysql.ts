import { openMySqlSession } from './mysql-session.js';
import type { SqlSource } from './sql-source.js';

export interface MySqlSourceOptions {
  host: string;
  port: number;
  user: string;
  password: string;
  /** Statements that name their database (`shop.orders`) need none. */
  database?: string;
  /** `UTC`, an offset (`+02:00`), or a zone that the server knows by name; default `UTC`. */
  timezone?: string;
  /** `true`: TLS with the system's certificate authorities, and the server's name is verified. */
  ssl?: boolean | { ca?: string; rejectUnauthorized?: boolean };
  /** Milliseconds for connecting and logging in; default 10 000. */
  connectTimeoutMs?: number;
  /** Milliseconds without a byte from the server while one is waited for; default 600 000 (a sort may take that long to begin). */
  readTimeoutMs?: number;
}

/**
 * MySQL and MariaDB. A snapshot is one connection with one `REPEATABLE READ` transaction (InnoDB tables; others are read as
 * they are). Values arrive as the server prints them: decimals, big integers, `0000-00-00` and microseconds unchanged.
 */
export function createMySqlSource(options: MySqlSourceOptions): SqlSource {
  const where = `mysql://${options.host}:${options.port}/${options.database ?? ''}`;
  const settings = { ...options, where, connectTimeoutMs: options.connectTimeoutMs ?? 10_000, readTimeoutMs: options.readTimeoutMs ?? 600_000 };

  const source: SqlSource = {
    description: where,
    timezone: options.timezone ?? 'UTC',
    async snapshot(read, { signal }) {
      signal.throwIfAborted();
      const session = await openMySqlSession(settings, signal);
      try {
        await session.run('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
        return await read({ stream: (sql, parameters) => session.stream(sql, parameters) });
      } finally {
        await session.end();
      }
    },
    async check() {
      const session = await openMySqlSession({ ...settings, readTimeoutMs: settings.connectTimeoutMs }, new AbortController().signal);
      try {
        const [row] = await session.run('SELECT VERSION(), (SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE())');
        return `${where} answers: version ${row?.[0] ?? '?'}, ${row?.[1] ?? '0'} readable tables.`;
      } finally {
        await session.end();
      }
    },
    // Every snapshot closes its own connection.
    close: () => Promise.resolve(),
  };
  return source;
}
