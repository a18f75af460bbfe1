/** A row as the source sent it: every value as text, so that decimals, dates and dirt arrive unchanged. */
export type TextRow = readonly (string | null)[];

export interface SqlSnapshot {
  /** Rows in batches, in the statement's order, with bounded memory; `?` marks parameters. */
  stream(sql: string, parameters: readonly (string | number)[]): AsyncIterable<readonly TextRow[]>;
}

/**
 * A SQL database that is read, never written. Every adapter passes `test/contracts/sql-source.contract.ts`.
 *
 * Errors: `SOURCE_UNAVAILABLE` (down, lost in the middle, too slow: a new attempt starts again from a new snapshot),
 * `SOURCE_FORBIDDEN`, `SOURCE_MISSING` (no such table or database), `SOURCE_REJECTED`.
 */
export interface SqlSource {
  /** `mysql://host:3306/shop`, `duckdb:///…`: for messages, never with credentials. */
  readonly description: string;
  /** Zone of timestamps that carry none (`?timezone=` of the connection); default `UTC`. */
  readonly timezone: string;
  /** Everything that `read` streams comes from one consistent snapshot. An aborted signal cancels the running statement on the server. */
  snapshot<T>(read: (snapshot: SqlSnapshot) => Promise<T>, options: { signal: AbortSignal }): Promise<T>;
  check(): Promise<string>;
  close(): Promise<void>;
}
