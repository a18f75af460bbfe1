import { randomUUID } from 'node:crypto';
import { ApiError, notFound, StatementError, validation } from './api-error.js';
import type { BoundStatement, Database, DatabaseSession } from './database.js';
import type { ResultSet } from './results.js';
import type { ListRequest, Submission } from './requests.js';

type Status = 'SUBMITTED' | 'PICKED' | 'STARTED' | 'FINISHED' | 'FAILED' | 'ABORTED';

interface Part {
  text: string;
  status: Status;
  rows: number;
  error?: string;
  queryId?: number;
  result?: ResultSet;
  startedAt?: number;
  duration: number;
}

interface Statement {
  id: string;
  submission: Submission;
  status: Status;
  error?: string;
  pid?: number;
  createdAt: number;
  updatedAt: number;
  parts: Part[];
  cancelled: boolean;
}

export interface Statements {
  /** Returns the statement that had the same ClientToken before, instead of a second one. */
  submit(submission: Submission, bound: readonly BoundStatement[]): Readonly<Record<string, unknown>>;
  describe(id: string): Readonly<Record<string, unknown>>;
  result(id: string): ResultSet;
  cancel(id: string): Promise<boolean>;
  list(request: ListRequest): Readonly<Record<string, unknown>>;
  /** Cancels and awaits whatever still runs. */
  close(): Promise<void>;
}

export interface StatementsOptions {
  database: Database;
  activeStatements: number;
  /** Keeps a statement at SUBMITTED until it resolves. */
  gate: () => Promise<void>;
}

const ENDED: ReadonlySet<Status> = new Set(['FINISHED', 'FAILED', 'ABORTED']);
const CANCEL_EVERY_MS = 50;

/** The statements of one server, from SUBMITTED to their end; a batch is one transaction. */
export function createStatements({ database, activeStatements, gate }: StatementsOptions): Statements {
  const statements = new Map<string, Statement>();
  const byToken = new Map<string, Statement>();
  /** Statements and cancellations that use the database. */
  const running = new Set<Promise<void>>();
  let lastQueryId = 1000;

  const find = (id: string): { statement: Statement; part: Part | undefined } => {
    const [main = '', number] = id.split(':');
    const statement = statements.get(main);
    const part = number === undefined ? undefined : statement?.parts[Number(number) - 1];
    if (!statement || (number !== undefined && (!part || !('Sqls' in statement.submission)))) throw notFound(id);
    return { statement, part };
  };

  const run = async (statement: Statement, bound: readonly BoundStatement[]): Promise<void> => {
    let session: DatabaseSession | undefined;
    try {
      await gate();
      if (statement.cancelled) throw new StatementError('cancelled');
      move(statement, 'PICKED');
      session = await database.session(statement.submission.Database, statement.submission.DbUser);
      statement.pid = session.pid;
      move(statement, 'STARTED');
      await session.begin();
      for (const [index, part] of statement.parts.entries()) {
        lastQueryId += 1;
        part.queryId = lastQueryId;
        await runPart(session, statement, part, bound[index]!);
      }
      if (statement.cancelled) throw new StatementError('cancelled');
      await session.commit();
      move(statement, 'FINISHED');
    } catch (error) {
      fail(statement, error);
    } finally {
      await session?.end();
    }
  };

  /** A request that comes between two statements is lost. */
  const cancelUntilEnded = async (statement: Statement): Promise<void> => {
    while (!ENDED.has(statement.status)) {
      if (statement.pid !== undefined) await database.cancel(statement.pid).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, CANCEL_EVERY_MS));
    }
  };

  const track = (work: Promise<void>): void => {
    running.add(work);
    void work.finally(() => running.delete(work));
  };

  return {
    submit: (submission, bound) => {
      const known = submission.ClientToken === undefined ? undefined : byToken.get(submission.ClientToken);
      if (known) return accepted(known);
      if ([...statements.values()].filter(({ status }) => !ENDED.has(status)).length >= activeStatements) {
        throw new ApiError('ActiveStatementsExceededException', 'Active statements exceeded the allowed quota.');
      }
      const now = Date.now();
      const parts = bound.map(({ text }): Part => ({ text, status: 'SUBMITTED', rows: -1, duration: 0 }));
      const statement: Statement = { id: randomUUID(), submission, status: 'SUBMITTED', createdAt: now, updatedAt: now, parts, cancelled: false };
      statements.set(statement.id, statement);
      if (submission.ClientToken !== undefined) byToken.set(submission.ClientToken, statement);
      track(run(statement, bound));
      return accepted(statement);
    },
    describe: (id) => {
      const { statement, part } = find(id);
      return part ? { ...describePart(statement, part, id), QueryString: part.text } : describeStatement(statement);
    },
    result: (id) => {
      const { statement, part } = find(id);
      if (!part && 'Sqls' in statement.submission) throw new ApiError('ResourceNotFoundException', 'Query does not have result. Please check query status with DescribeStatement.', 400, { ResourceId: id });
      const { result, status } = part ?? statement.parts[0]!;
      if (status !== 'FINISHED' || !result) throw new ApiError('ResourceNotFoundException', 'Query does not have result. Please check query status with DescribeStatement.', 400, { ResourceId: id });
      return result;
    },
    cancel: async (id) => {
      const { statement, part } = find(id);
      if (part) throw validation('Cannot cancel a sub-statement of a batch: cancel the batch.');
      if (ENDED.has(statement.status)) throw validation(`Could not cancel a query that is already in ${statement.status} state with ID: ${id}`);
      statement.cancelled = true;
      track(cancelUntilEnded(statement));
      return true;
    },
    list: ({ StatementName = '', Status, MaxResults = 100, NextToken }) => {
      const found = [...statements.values()].toReversed().filter(({ submission, status }) => (submission.StatementName ?? '').startsWith(StatementName) && (Status === undefined || Status === 'ALL' || status === Status));
      const start = Number(NextToken ?? 0);
      const shown = found.slice(start, start + MaxResults);
      const more = start + MaxResults < found.length;
      return { Statements: shown.map(listed), ...(more && { NextToken: String(start + MaxResults) }) };
    },
    close: async () => {
      for (const statement of statements.values()) {
        statement.cancelled = true;
        if (!ENDED.has(statement.status) && statement.pid !== undefined) await database.cancel(statement.pid).catch(() => undefined);
      }
      await Promise.all(running);
    },
  };
}

async function runPart(session: DatabaseSession, statement: Statement, part: Part, bound: BoundStatement): Promise<void> {
  part.startedAt = Date.now();
  part.status = 'STARTED';
  try {
    if (statement.cancelled) throw new StatementError('cancelled');
    const { rows, result } = await session.run(bound, part.queryId ?? 0);
    Object.assign(part, { rows, status: 'FINISHED', ...(result && { result }) });
  } catch (error) {
    Object.assign(part, statement.cancelled ? { status: 'ABORTED' } : { status: 'FAILED', error: errorText(error) });
    throw error;
  } finally {
    part.duration = (Date.now() - part.startedAt) * 1e6;
  }
}

function move(statement: Statement, status: Status): void {
  statement.status = status;
  statement.updatedAt = Date.now();
}

function fail(statement: Statement, error: unknown): void {
  const failing = statement.parts.findIndex(({ status }) => status === 'FAILED') + 1;
  for (const part of statement.parts) if (!ENDED.has(part.status)) part.status = 'ABORTED';
  if (!statement.cancelled) {
    statement.error = 'Sqls' in statement.submission && failing > 0 ? `Query #${failing} failed with ${errorText(error)}` : errorText(error);
  }
  move(statement, statement.cancelled ? 'ABORTED' : 'FAILED');
}

function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.startsWith('FATAL') ? text : `ERROR: ${text}`;
}

function target({ submission: { ClusterIdentifier, WorkgroupName, DbUser, Database, SecretArn } }: Statement): Readonly<Record<string, unknown>> {
  return { Database, ...(ClusterIdentifier && { ClusterIdentifier }), ...(WorkgroupName && { WorkgroupName }), ...(DbUser && { DbUser }), ...(SecretArn && { SecretArn }) };
}

function accepted(statement: Statement): Readonly<Record<string, unknown>> {
  return { Id: statement.id, CreatedAt: statement.createdAt / 1000, ...target(statement) };
}

function describePart(statement: Statement, part: Part, id: string): Readonly<Record<string, unknown>> {
  return {
    Id: id, Status: part.status, Duration: part.duration, HasResultSet: part.result !== undefined, ResultRows: part.rows, ResultSize: part.result?.bytes ?? -1,
    CreatedAt: statement.createdAt / 1000, UpdatedAt: statement.updatedAt / 1000, RedshiftQueryId: part.queryId ?? 0, ...(part.error !== undefined && { Error: part.error }),
  };
}

function describeStatement(statement: Statement): Readonly<Record<string, unknown>> {
  const { id, status, error, pid, parts, submission } = statement;
  const only = 'Sqls' in submission ? undefined : parts[0]!;
  const subs = parts.map((part, index) => ({ ...describePart(statement, part, `${id}:${index + 1}`), QueryString: part.text }));
  return {
    Id: id, ...target(statement), Status: status, CreatedAt: statement.createdAt / 1000, UpdatedAt: statement.updatedAt / 1000,
    Duration: parts.reduce((sum, part) => sum + part.duration, 0), ...(error !== undefined && { Error: error }), RedshiftPid: pid ?? 0,
    HasResultSet: only?.result !== undefined, ResultRows: only?.rows ?? -1, ResultSize: only?.result?.bytes ?? -1, RedshiftQueryId: only?.queryId ?? 0,
    ...(submission.Parameters && { QueryParameters: submission.Parameters }),
    ...(only ? { QueryString: only.text } : { SubStatements: subs }),
  };
}

function listed(statement: Statement): Readonly<Record<string, unknown>> {
  const { id, status, submission, createdAt, updatedAt, parts } = statement;
  const isBatch = 'Sqls' in submission;
  return {
    Id: id, Status: status, IsBatchStatement: isBatch, CreatedAt: createdAt / 1000, UpdatedAt: updatedAt / 1000,
    ...(submission.StatementName && { StatementName: submission.StatementName }),
    ...(isBatch ? { QueryStrings: parts.map(({ text }) => text) } : { QueryString: parts[0]?.text }),
  };
}
