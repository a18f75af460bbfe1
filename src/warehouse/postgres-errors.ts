import { DatabaseError } from 'pg';
import { type ErrorCode, isMillraceError, MillraceError } from '../errors.js';
import { startOf } from './statement-text.js';

/** What error messages need to know of the connection. */
export interface PostgresIdentity {
  /** `postgres://host:port/database`, without credentials. */
  description: string;
  user: string;
  /** Never shown: taken out of whatever the driver or the server says. */
  password: string;
}

interface Verdict {
  code: ErrorCode;
  remedy: string;
}

const UNAVAILABLE: Verdict = { code: 'WAREHOUSE_UNAVAILABLE', remedy: 'Check that the server runs and can be reached from here.' };
const BUSY: Verdict = { code: 'WAREHOUSE_BUSY', remedy: 'Another session holds what this statement needs.' };
const FORBIDDEN: Verdict = { code: 'WAREHOUSE_FORBIDDEN', remedy: "Check the user, the password and the user's grants." };
const UNTRUSTED: Verdict = { code: 'WAREHOUSE_FORBIDDEN', remedy: "Check the connection's TLS settings and the server's certificate." };
const REJECTED: Verdict = { code: 'WAREHOUSE_REJECTED', remedy: '' };

/** By SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const BY_STATE: readonly (readonly [RegExp, Verdict])[] = [
  [/^(08|53)/, UNAVAILABLE],
  [/^57P0[1-5]$/, UNAVAILABLE],
  [/^(40001|40P01|55P03)$/, BUSY],
  // Cancelled by somebody else or by a timeout: not by our own signal, which is reported as itself.
  [/^57014$/, BUSY],
  [/^28|^42501$/, FORBIDDEN],
];

const BY_TEXT: readonly (readonly [RegExp, Verdict])[] = [
  [/SASL|password/i, FORBIDDEN],
  [/certificate|SSL|TLS|self.signed|altnames/i, UNTRUSTED],
  [/ECONN|ENOTFOUND|EAI_AGAIN|EHOST|ENET|ETIMEDOUT|EPIPE|terminated|timeout|closed|not queryable/i, UNAVAILABLE],
];

/** Our error for whatever the driver or the server said. */
export function postgresError(error: unknown, identity: PostgresIdentity, statement?: string): MillraceError {
  if (isMillraceError(error)) return error;
  const { code, remedy } = verdictOf(error);
  const text = withoutSecret(describe(error), identity.password);
  const where = statement === undefined ? '' : ` (statement: ${withoutSecret(startOf(statement), identity.password)})`;
  const parts = [`PostgreSQL ${identity.description}, user ${identity.user}: ${text}${where}.`, remedy];
  return new MillraceError(code, parts.filter(Boolean).join(' '), { ...(!text.includes(HIDDEN) && { cause: error }) });
}

function verdictOf(error: unknown): Verdict {
  if (error instanceof DatabaseError) return BY_STATE.find(([state]) => state.test(error.code ?? ''))?.[1] ?? REJECTED;
  const text = `${codeOf(error)} ${messageOf(error)}`;
  return BY_TEXT.find(([pattern]) => pattern.test(text))?.[1] ?? REJECTED;
}

function describe(error: unknown): string {
  const text = messageOf(error).replace(/\.$/, '');
  if (!(error instanceof DatabaseError)) return [text, codeOf(error)].filter(Boolean).join(' ');
  // `where` names the line and the column of a COPY.
  const details = [error.detail, error.where?.split('\n')[0]?.slice(0, 200)].filter(Boolean).join('; ');
  return `${text}${details && ` (${details})`}, SQLSTATE ${error.code}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Node reports several failed addresses (IPv6, IPv4) as one error with a code and no message. */
function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code === undefined || messageOf(error).includes(code) ? '' : code;
}

const HIDDEN = '***';

function withoutSecret(text: string, password: string): string {
  if (password === '') return text;
  return text.replaceAll(password, HIDDEN).replaceAll(encodeURIComponent(password), HIDDEN);
}
