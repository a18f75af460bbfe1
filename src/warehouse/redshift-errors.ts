import { type ErrorCode, isMillraceError, MillraceError } from '../errors.js';
import { startOf } from './statement-text.js';

/** What error messages need to know of the connection. */
export interface RedshiftIdentity {
  /** `redshift-data://region/database`, with its cluster or workgroup, without credentials. */
  description: string;
  /** Taken out of whatever the service says. */
  secrets: readonly string[];
}

/** How the server's logs know a transaction. */
export interface LoggedAs {
  /** Process of the session; used again by later ones. */
  pid: number;
  startedAt: Date;
  /** Of each statement, by its place from 0; 0 where the server gave it none. */
  queryIds: readonly number[];
}

/** A transaction that the service has accepted and that ended otherwise than well. */
export class StatementFailed extends Error {
  override readonly name = 'StatementFailed';
  /** Of the failing statement among those of the transaction, from 0; `undefined` where it is none of them. */
  readonly step: number | undefined;
  readonly sql: string | undefined;
  readonly loggedAs: LoggedAs;

  constructor(text: string, facts: { step: number | undefined; sql: string | undefined; loggedAs: LoggedAs }) {
    super(text);
    this.step = facts.step;
    this.sql = facts.sql;
    this.loggedAs = facts.loggedAs;
  }
}

/** Some statements are there to divide by zero where a rule is broken: the only way for SQL to undo its own transaction. */
export function isBrokenRule(failed: StatementFailed): boolean {
  return /divi(de|sion) by zero/i.test(failed.message);
}

interface Verdict {
  code: ErrorCode;
  remedy: string;
}

const BUSY: Verdict = { code: 'WAREHOUSE_BUSY', remedy: 'Another session holds or changes what this statement needs; it can be tried again.' };
const CROWDED: Verdict = { code: 'WAREHOUSE_BUSY', remedy: 'The service takes no more requests at the moment; it can be tried again.' };
const UNAVAILABLE: Verdict = { code: 'WAREHOUSE_UNAVAILABLE', remedy: 'Check that the cluster or workgroup is available and can be reached from here.' };
const FORBIDDEN: Verdict = { code: 'WAREHOUSE_FORBIDDEN', remedy: "Check the credentials, the database user's grants and the IAM policies (docs/redshift.md lists them)." };
const REJECTED: Verdict = { code: 'WAREHOUSE_REJECTED', remedy: '' };

/** By the name of the client's exception: https://docs.aws.amazon.com/redshift-data/latest/APIReference/CommonErrors.html */
const BY_NAME: readonly (readonly [RegExp, Verdict])[] = [
  [/^(ActiveStatementsExceeded|ActiveSessionsExceeded|ActiveWaitingRequestsExceeded|Throttling|TooManyRequests|RequestLimitExceeded)/, CROWDED],
  [/^(AccessDenied|UnrecognizedClient|InvalidSignature|SignatureDoesNotMatch|IncompleteSignature|InvalidClientTokenId|MissingAuthenticationToken|ExpiredToken|NotAuthorized|OptInRequired|CredentialsProvider|TokenProvider)/, FORBIDDEN],
  [/^(ValidationException|ResourceNotFound)/, REJECTED],
  [/^(InternalServer|InternalFailure|ServiceUnavailable|DatabaseConnection|QueryTimeout|ExecuteStatementException|BatchExecuteStatementException)/, UNAVAILABLE],
];

/** By the text of a statement that failed. There are no SQLSTATEs here, so that the text is all there is. */
const BY_TEXT: readonly (readonly [RegExp, Verdict])[] = [
  [/serializable isolation violation|could not serialize|deadlock detected|conflict with concurrent transaction|could not obtain lock|cancell?ed on user's request|\b1023\b.*Detail/i, BUSY],
  [/S3ServiceException.*(Status 5\d\d|SlowDown|InternalError|RequestTimeout|CanRetry 1\b.*Status 0)/is, UNAVAILABLE],
  [/permission denied|must be owner|not authorized|access ?denied|InvalidAccessKeyId|ExpiredToken|password authentication failed|Status 403/i, FORBIDDEN],
  [/could not connect|connection .*(refused|reset|closed|terminated|timed out)|terminating connection|database system is (starting|shutting)|is (paused|resuming|not available)|too many (connections|clients)|disk full|internal error/i, UNAVAILABLE],
];

const NETWORK = /ECONN|ENOTFOUND|EAI_AGAIN|EHOST|ENET|ETIMEDOUT|EPIPE|TimeoutError|socket|network|timed? ?out/i;

/** Our error for whatever the service or one of its statements said. */
export function redshiftError(error: unknown, identity: RedshiftIdentity, statement?: string): MillraceError {
  if (isMillraceError(error)) return error;
  const sql = error instanceof StatementFailed ? (error.sql ?? statement) : statement;
  const { code, remedy } = verdictOf(error);
  const text = describe(error).replace(/^ERROR:\s*/, '').replaceAll(/\s+/g, ' ').replace(/\.$/, '');
  const where = sql === undefined ? '' : ` (statement: ${startOf(sql)})`;
  const message = [`Redshift ${identity.description}: ${text}${where}.`, remedy].filter(Boolean).join(' ');
  // The client's own error holds its request, credentials included.
  return new MillraceError(code, withoutSecrets(message, identity.secrets), { cause: new Error(withoutSecrets(text, identity.secrets)) });
}

function verdictOf(error: unknown): Verdict {
  if (error instanceof StatementFailed) return BY_TEXT.find(([pattern]) => pattern.test(error.message))?.[1] ?? REJECTED;
  const name = error instanceof Error ? error.name : '';
  const named = BY_NAME.find(([pattern]) => pattern.test(name))?.[1];
  if (named) return named;
  const status = (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
  if (status === 401 || status === 403) return FORBIDDEN;
  if (status === 429) return CROWDED;
  if (status !== undefined && status >= 500) return UNAVAILABLE;
  return NETWORK.test(`${name} ${codeOf(error)} ${messageOf(error)}`) ? UNAVAILABLE : REJECTED;
}

function describe(error: unknown): string {
  if (error instanceof StatementFailed) return error.message;
  const name = error instanceof Error && error.name !== 'Error' ? error.name : '';
  const code = codeOf(error);
  return [name, messageOf(error).includes(code) ? '' : code, messageOf(error)].filter(Boolean).join(': ');
}

/** `ECONNREFUSED` and its like. */
function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, '***').replaceAll(encodeURIComponent(secret), '***'), text);
}
