import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { stringify } from 'lossless-json';
import { ApiError, throttled, validation } from './api-error.js';
import { openDatabase, type PostgresAddress } from './database.js';
import { openObjects } from './objects.js';
import { bindParameters } from './parameters.js';
import { checkLimits, type Limits, read, requests, sqlsOf, type Submission } from './requests.js';
import { page } from './results.js';
import { checkSignature, type Credentials } from './signature.js';
import { createStatements, type Statements } from './statements.js';

export interface RedshiftDataOptions {
  postgres: PostgresAddress;
  /** Where COPY and UNLOAD find their buckets. */
  s3?: { endpoint: string; region: string; credentials: Credentials };
  /** Whose signature is taken. */
  credentials: Credentials;
  /** Default 0: a free port. */
  port?: number;
  limits?: Partial<Limits>;
}

export type Operation = 'ExecuteStatement' | 'BatchExecuteStatement' | 'DescribeStatement' | 'GetStatementResult' | 'CancelStatement' | 'ListStatements';

/** `throttle` and `fail` refuse the request; `lose-answer` does its work and closes the connection without a word. */
export type Mishap = 'throttle' | 'fail' | 'lose-answer';

export interface RedshiftDataServer {
  endpoint: string;
  region: string;
  /** The only cluster, workgroup and secret that exist. */
  cluster: string;
  workgroup: string;
  secretArn: string;
  /** The only role that COPY and UNLOAD may take, beside `default`. */
  iamRole: string;
  /** Every request so far. */
  calls: readonly { operation: Operation; body: Readonly<Record<string, unknown>>; at: number }[];
  /** Lets the next requests of an operation go wrong. */
  upset(operation: Operation, mishap: Mishap, times?: number): void;
  /** Keeps new statements at SUBMITTED until the returned function is called. */
  hold(): () => void;
  stop(): Promise<void>;
}

const REGION = 'eu-central-1';
const [CLUSTER, WORKGROUP] = ['millrace-test', 'millrace-test'];
const SECRET = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:warehouse';
const ROLE = 'arn:aws:iam::123456789012:role/redshift-copy';
const LIMITS: Limits = { statementBytes: 100_000, statementsPerBatch: 40, activeStatements: 500, rowBytes: 64 * 1024, resultBytes: 500 * 1024 * 1024, rowsPerPage: 1000 };

/** The Redshift Data API over a PostgreSQL, on loopback: what the official client speaks, and of Redshift's own SQL what `dialect.ts` knows. */
export async function startRedshiftData(options: RedshiftDataOptions): Promise<RedshiftDataServer> {
  const limits = { ...LIMITS, ...options.limits };
  const objects = options.s3 && openObjects(options.s3);
  const database = openDatabase({ postgres: options.postgres, objects, roles: [ROLE, 'default'], limits });
  let held: Promise<void> | undefined;
  const statements = createStatements({ database, activeStatements: limits.activeStatements, gate: async () => held });
  const mishaps: { operation: Operation; mishap: Mishap; left: number }[] = [];
  const calls: { operation: Operation; body: Readonly<Record<string, unknown>>; at: number }[] = [];

  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const operation = String(request.headers['x-amz-target']).replace(/^RedshiftData\./, '') as Operation;
    calls.push({ operation, body: asRecord(body), at: Date.now() });
    const mishap = mishaps.find((planned) => planned.operation === operation && planned.left > 0);
    if (mishap) mishap.left -= 1;
    try {
      checkSignature(request, body, REGION, options.credentials);
      if (mishap?.mishap === 'throttle') throw throttled();
      if (mishap?.mishap === 'fail') throw new ApiError('InternalServerException', 'The service failed.', 500);
      const result = await perform(operation, body, { statements, limits });
      if (mishap?.mishap === 'lose-answer') response.destroy();
      else send(response, 200, result);
    } catch (error) {
      const known = error instanceof ApiError ? error : new ApiError('InternalServerException', error instanceof Error ? error.message : String(error), 500);
      send(response, known.status, { __type: known.type, Message: known.message, message: known.message, ...known.more });
    }
  }

  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: REGION, cluster: CLUSTER, workgroup: WORKGROUP, secretArn: SECRET, iamRole: ROLE, calls,
    upset: (operation, mishap, times = 1) => void mishaps.push({ operation, mishap, left: times }),
    hold: () => {
      let release = (): void => undefined;
      held = new Promise((resolve) => (release = resolve));
      return () => {
        held = undefined;
        release();
      };
    },
    stop: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await statements.close();
      await database.close();
      objects?.close();
    },
  };
}

async function perform(operation: Operation, body: string, { statements, limits }: { statements: Statements; limits: Limits }): Promise<unknown> {
  switch (operation) {
    case 'ExecuteStatement':
      return submit(read(requests.execute, body), statements, limits);
    case 'BatchExecuteStatement':
      return submit(read(requests.batch, body), statements, limits);
    case 'DescribeStatement':
      return statements.describe(read(requests.byId, body).Id);
    case 'GetStatementResult': {
      const { Id, NextToken } = read(requests.result, body);
      return page(statements.result(Id), NextToken, limits.rowsPerPage);
    }
    case 'CancelStatement':
      return { Status: await statements.cancel(read(requests.byId, body).Id) };
    case 'ListStatements':
      return statements.list(read(requests.list, body));
    default:
      throw new ApiError('UnknownOperationException', `This server does not know ${String(operation)}.`);
  }
}

function submit(submission: Submission, statements: Statements, limits: Limits): unknown {
  const { ClusterIdentifier, WorkgroupName, SecretArn, DbUser } = submission;
  if ((ClusterIdentifier === undefined) === (WorkgroupName === undefined)) throw validation('Exactly one of ClusterIdentifier and WorkgroupName is required.');
  if ((ClusterIdentifier ?? CLUSTER) !== CLUSTER || (WorkgroupName ?? WORKGROUP) !== WORKGROUP) throw validation("Redshift endpoint doesn't exist in this region.");
  if (SecretArn !== undefined && SecretArn !== SECRET) throw validation('The secret cannot be found.');
  if (WorkgroupName !== undefined && DbUser !== undefined) throw validation('DbUser is not supported for a serverless workgroup.');
  const sqls = sqlsOf(submission);
  checkLimits(sqls, limits);
  return statements.submit(submission, bindParameters(sqls, submission.Parameters));
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(stringify(body));
}

function asRecord(body: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(body) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
