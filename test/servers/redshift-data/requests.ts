import { z } from 'zod';
import { validation } from './api-error.js';

/** What the operations take, of that which this server knows. A member that it does not know is refused, so that nobody relies on it. */

export interface Limits {
  /** Of one statement's text; AWS: 100 kB. */
  statementBytes: number;
  /** In one batch; AWS: 40. */
  statementsPerBatch: number;
  /** Submitted and not yet ended; AWS: 500 per cluster. */
  activeStatements: number;
  /** AWS: 64 KB. */
  rowBytes: number;
  /** AWS: 500 MB. */
  resultBytes: number;
  /** Rows of one answer of GetStatementResult. */
  rowsPerPage: number;
}

const parameter = z.strictObject({ name: z.string().regex(/^[0-9a-zA-Z_]+$/), value: z.string().min(1) });

const connection = {
  Database: z.string().min(1),
  ClusterIdentifier: z.string().optional(),
  WorkgroupName: z.string().optional(),
  DbUser: z.string().optional(),
  SecretArn: z.string().optional(),
  ClientToken: z.string().min(1).max(64).optional(),
  StatementName: z.string().max(500).optional(),
  Parameters: z.array(parameter).min(1).optional(),
  WithEvent: z.boolean().optional(),
};

const execute = z.strictObject({ ...connection, Sql: z.string().min(1) });
const batch = z.strictObject({ ...connection, Sqls: z.array(z.string().min(1)).min(1) });
const byId = z.strictObject({ Id: z.string().regex(/^[a-f0-9]{8}(-[a-f0-9]{4}){3}-[a-f0-9]{12}(:\d+)?$/) });
const result = byId.extend({ NextToken: z.string().optional() });
const list = z.strictObject({
  NextToken: z.string().optional(),
  MaxResults: z.number().int().min(0).max(100).optional(),
  StatementName: z.string().optional(),
  Status: z.string().optional(),
  RoleLevel: z.boolean().optional(),
});

export type Submission = z.infer<typeof execute> | z.infer<typeof batch>;
export type ListRequest = z.infer<typeof list>;

export const requests = { execute, batch, byId, result, list };

/** Reads a request's body; `ValidationException` names what is wrong. */
export function read<T>(schema: z.ZodType<T>, body: string): T {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw validation('The request body is not JSON.');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw validation(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
}

export function sqlsOf(submission: Submission): readonly string[] {
  return 'Sqls' in submission ? submission.Sqls : [submission.Sql];
}

/** What AWS refuses before anything runs. */
export function checkLimits(sqls: readonly string[], limits: Limits): void {
  if (sqls.length > limits.statementsPerBatch) throw validation(`Member must have length less than or equal to ${limits.statementsPerBatch}: Sqls`);
  if (sqls.some((sql) => Buffer.byteLength(sql) > limits.statementBytes)) throw validation(`Cannot process query string larger than ${limits.statementBytes / 1000}kB`);
}
