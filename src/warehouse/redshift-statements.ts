import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  BatchExecuteStatementCommand,
  CancelStatementCommand,
  type ColumnMetadata,
  DescribeStatementCommand,
  type DescribeStatementResponse,
  GetStatementResultCommand,
  type GetStatementResultResponse,
  RedshiftDataClient,
} from '@aws-sdk/client-redshift-data';
import { MillraceError } from '../errors.js';
import { redshiftDialect } from './redshift-dialect.js';
import { type LoggedAs, redshiftError, type RedshiftIdentity, StatementFailed } from './redshift-errors.js';
import { keepLongIntegers, sqlValue } from './redshift-values.js';
import { startOf } from './statement-text.js';
import type { QueryResult, SqlValue } from './warehouse.js';

export interface RedshiftConnection {
  region: string;
  database: string;
  /** A provisioned cluster or a serverless workgroup. */
  target: { cluster: string; dbUser?: string } | { workgroup: string };
  /** Of the secret that the database user and its password are in; absent: the IAM identity logs in. */
  secretArn?: string;
  /** Where tables are created and found; it must exist. Default: the user's own search path. */
  schema?: string;
  /** Only for servers other than AWS. */
  endpoint?: string;
  /** Default: what the SDK finds (environment, profile, role of the machine or container). */
  credentials?: { accessKeyId: string; secretAccessKey: string };
  /** Pauses between two looks at a running statement, in milliseconds: the first, and the longest. Default 100 and 5 000. */
  poll?: { firstMs: number; maxMs: number };
}

export interface TransactionOptions {
  signal?: AbortSignal | undefined;
  /** See `StatementOptions.token`. */
  token?: string | undefined;
}

/** A transaction that was committed. */
export interface Committed {
  loggedAs: LoggedAs;
  /** What a statement of it has answered, by its place from 0; `maxRows` ends the reading early. */
  result(step: number, options?: { maxRows?: number | undefined }): Promise<QueryResult>;
}

export interface RedshiftStatements {
  readonly identity: RedshiftIdentity;
  /**
   * Runs the statements one after the other in one transaction: all or nothing. `StatementFailed` says which one failed, and with
   * what. When `signal` aborts, the transaction is cancelled on the server, and the promise rejects with the signal's reason.
   */
  transaction(sqls: readonly string[], options?: TransactionOptions): Promise<Committed>;
  close(): Promise<void>;
}

/** Limits of the Data API, which has no quota for them: https://docs.aws.amazon.com/redshift/latest/mgmt/data-api.html */
export const MOST_STATEMENTS = 40;
export const MOST_STATEMENT_BYTES = 100_000;

const ENDED = new Set(['FINISHED', 'FAILED', 'ABORTED']);
const POLL = { firstMs: 100, maxMs: 5_000 };
const POLL_GROWTH = 1.5;
/** How long a cancelled statement may take to end before nobody here waits for it any longer. */
const CANCEL_TIMEOUT_MS = 30_000;
/** A statement that is older than its submission by this much is an earlier attempt's. The service's answers have whole seconds. */
const EARLIER_MS = 2_000;
const MOST_ATTEMPTS = 20;

/** Statements of one database through the Data API: submitted, awaited with growing pauses, read page by page. */
export function createRedshiftStatements(connection: RedshiftConnection): RedshiftStatements {
  const { region, database, target, schema, endpoint, credentials } = connection;
  const poll = connection.poll ?? POLL;
  const client = new RedshiftDataClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials ? { credentials } : {}),
    maxAttempts: 5,
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 60_000 },
  });
  keepLongIntegers(client);
  const identity = {
    description: `redshift-data://${region}/${database} (${'cluster' in target ? `cluster ${target.cluster}` : `workgroup ${target.workgroup}`})`,
    secrets: credentials ? [credentials.secretAccessKey] : [],
  };
  const login = {
    Database: database,
    ...('cluster' in target ? { ClusterIdentifier: target.cluster, ...(target.dbUser !== undefined && { DbUser: target.dbUser }) } : { WorkgroupName: target.workgroup }),
    ...(connection.secretArn !== undefined && { SecretArn: connection.secretArn }),
  };
  // Every request is a session of its own.
  const prelude = schema === undefined ? [] : [`SET search_path TO ${redshiftDialect.identifier(schema)}`];

  const abortable = (signal: AbortSignal | undefined): { abortSignal?: AbortSignal } => (signal ? { abortSignal: signal } : {});

  /** Not abortable: a request that is given up may have been accepted, and nobody would know its id. */
  const submit = async (Sqls: string[], ClientToken: string): Promise<{ id: string; isEarlier: boolean }> => {
    const command = new BatchExecuteStatementCommand({ ...login, Sqls, ClientToken });
    const answeredAt = serviceClock(command);
    const answer = await client.send(command);
    return { id: answer.Id ?? '', isEarlier: answer.CreatedAt !== undefined && answer.CreatedAt.getTime() < answeredAt() - EARLIER_MS };
  };

  const untilEnded = async (id: string, signal: AbortSignal | undefined): Promise<DescribeStatementResponse> => {
    for (let pause = poll.firstMs; ; pause = Math.min(pause * POLL_GROWTH, poll.maxMs)) {
      const described = await client.send(new DescribeStatementCommand({ Id: id }), abortable(signal));
      if (ENDED.has(described.Status ?? '')) return described;
      await delay(pause, undefined, abortableDelay(signal));
    }
  };

  /** Resolves when the statement does not run any more, so that whoever cleans up does not meet it. */
  const cancel = async (id: string): Promise<void> => {
    // It may have ended by itself in the meantime, which the service calls a wrong request.
    await client.send(new CancelStatementCommand({ Id: id })).catch(() => undefined);
    await untilEnded(id, AbortSignal.timeout(CANCEL_TIMEOUT_MS)).catch(() => undefined);
  };

  const attempt = async (sqls: string[], number: number, { token, signal }: TransactionOptions): Promise<{ ended: DescribeStatementResponse; isEarlier: boolean }> => {
    const isFindable = token !== undefined;
    const { id, isEarlier } = await submit(sqls, isFindable ? clientToken(token, number, sqls) : randomUUID());
    try {
      return { ended: await untilEnded(id, signal), isEarlier };
    } catch (error) {
      // Without a token nobody will find it again.
      if (signal?.aborted || !isFindable) await cancel(id);
      throw error;
    }
  };

  /** A retry finds the statement of an earlier attempt by its token; one that has failed there is run again, with the next token. */
  const run = async (sqls: string[], options: TransactionOptions): Promise<DescribeStatementResponse> => {
    for (let number = 1; ; number += 1) {
      const { ended, isEarlier } = await attempt(sqls, number, options);
      if (ended.Status === 'FINISHED' || !isEarlier || number === MOST_ATTEMPTS) return ended;
    }
  };

  const read = async (id: string, wanted: number, signal: AbortSignal | undefined): Promise<QueryResult> => {
    const rows: SqlValue[][] = [];
    let columns: readonly ColumnMetadata[] = [];
    let token: string | undefined;
    do {
      const answer: GetStatementResultResponse = await client.send(new GetStatementResultCommand({ Id: id, ...(token !== undefined && { NextToken: token }) }), abortable(signal));
      const described = answer.ColumnMetadata ?? columns;
      columns = described;
      for (const record of answer.Records ?? []) rows.push(record.map((field, index) => sqlValue(field, described[index] ?? {})));
      token = answer.NextToken;
    } while (token && rows.length < wanted);
    return { columns: columns.map(({ name }) => name ?? ''), rows: rows.slice(0, wanted) };
  };

  return {
    identity,
    transaction: async (statements, options = {}) => {
      const { signal } = options;
      signal?.throwIfAborted();
      const sqls = [...prelude, ...statements];
      checkLimits(sqls);
      const translated = async <T>(work: () => Promise<T>): Promise<T> => {
        try {
          return await work();
        } catch (error) {
          signal?.throwIfAborted();
          throw error instanceof StatementFailed ? error : redshiftError(error, identity, statements[0]);
        }
      };
      return translated(async () => {
        const ended = await run(sqls, options);
        const loggedAs = {
          pid: ended.RedshiftPid ?? 0,
          startedAt: ended.CreatedAt ?? new Date(),
          queryIds: (ended.SubStatements ?? []).slice(prelude.length).map(({ RedshiftQueryId }) => RedshiftQueryId ?? 0),
        };
        if (ended.Status !== 'FINISHED') throw failure(ended, statements, prelude.length, loggedAs);
        return { loggedAs, result: (step, { maxRows = Infinity } = {}) => translated(() => read(`${ended.Id}:${prelude.length + step + 1}`, maxRows, signal)) };
      });
    },
    close: () => {
      client.destroy();
      return Promise.resolve();
    },
  };
}

function abortableDelay(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

/** When the service has answered, by its own clock: the one that its times are from. */
function serviceClock(command: BatchExecuteStatementCommand): () => number {
  let at = Number.NaN;
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      at = Date.parse((result.response as { headers?: Readonly<Record<string, string>> }).headers?.['date'] ?? '');
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'millraceServiceClock' },
  );
  return () => at;
}

/** At most 64 signs, and another one for other statements: the service would take them for the first ones. */
function clientToken(token: string, number: number, sqls: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify([token, number, sqls])).digest('hex');
}

function failure(ended: DescribeStatementResponse, statements: readonly string[], before: number, loggedAs: LoggedAs): StatementFailed {
  const index = ended.SubStatements?.findIndex(({ Status }) => Status === 'FAILED') ?? -1;
  const step = index < before ? undefined : index - before;
  const text = (index < 0 ? undefined : ended.SubStatements?.[index]?.Error) ?? ended.Error;
  // Not by our own signal, which is reported as itself: by a person, by a timeout, or after the service's 24 hours.
  const cancelled = ended.Status === 'ABORTED' ? "the statement was cancelled on user's request or by the service" : 'the statement failed without a reason';
  return new StatementFailed(text ?? cancelled, { step, sql: step === undefined ? statements[0] : statements[step], loggedAs });
}

function checkLimits(sqls: readonly string[]): void {
  if (sqls.length > MOST_STATEMENTS) {
    throw new MillraceError('WAREHOUSE_REJECTED', `${sqls.length} statements are more than the ${MOST_STATEMENTS} that the Data API runs in one transaction: publish fewer tables, or fewer rows, at a time`);
  }
  const long = sqls.find((sql) => Buffer.byteLength(sql) > MOST_STATEMENT_BYTES);
  if (long === undefined) return;
  throw new MillraceError('WAREHOUSE_REJECTED', `A statement of ${Buffer.byteLength(long)} bytes is longer than the ${MOST_STATEMENT_BYTES} that the Data API takes (statement: ${startOf(long)})`);
}
