import type { Dialect } from './dialect.js';
import type { LedgerClaim, LedgerHolder } from './ledger.js';
import type { SqlValue, TableSpec } from './warehouse.js';

/** A column as the warehouse itself describes it. */
export interface NativeColumn {
  name: string;
  /** Spelt as `Dialect.type` spells it where it is one of our types. */
  type: string;
  nullable: boolean;
}

/**
 * One open transaction of a warehouse that takes its statements one after the other: what `publishTables` and `replaceRows`
 * are written against. Whoever opened it commits it, or rolls it back when the work throws. Errors are `MillraceError`s.
 */
export interface SqlTransaction {
  readonly dialect: Dialect;
  /** Returns the rows that the statement changed. */
  run(sql: string): Promise<number>;
  rows(sql: string): Promise<readonly (readonly SqlValue[])[]>;
  /** `undefined` when there is no such table or view. */
  columnsOf(table: string): Promise<readonly NativeColumn[] | undefined>;
  /** Column names of a SELECT, which is not run. */
  columnsOfQuery(sql: string): Promise<readonly string[]>;
  /** Creates a table that `columnsOf` did not find; false when another session was faster. */
  createTable(table: TableSpec): Promise<boolean>;
  /** Keeps other sessions from replacing rows of this table until the transaction ends. */
  lockTable(table: string): Promise<void>;
  /**
   * Takes the ledger row of the claim's interval until the transaction ends, and writes the claim into it; returns its
   * holder instead, unchanged, when that one has a higher generation.
   */
  claimInterval(claim: LedgerClaim): Promise<LedgerHolder | undefined>;
}
