import { MillraceError, type ErrorCode } from '../errors.js';

const FORBIDDEN: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'CredentialsProviderError',
  'TokenProviderError',
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'ExpiredTokenException',
  'IncompleteSignatureException',
  'MissingAuthenticationTokenException',
]);
const THROTTLED = /Throttl|TooManyRequests|LimitExceeded/;
/** The connection was never there, so that nothing can have arrived. */
const NEVER_CONNECTED: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);

const EXPLANATIONS: Readonly<Partial<Record<ErrorCode, string>>> = {
  METRICS_FORBIDDEN: 'the credentials are refused, or lack the right cloudwatch:PutMetricData for this namespace',
  METRICS_REJECTED: 'the service calls the request wrong, and would again: look at the namespace in MILLRACE_CONN_METRICS',
};

interface SdkError {
  name?: string;
  code?: string;
  $metadata?: { httpStatusCode?: number; requestId?: string };
}

/** An error of the SDK. The service's own text is left out: it can repeat what was sent. */
export function cloudWatchError(error: unknown, description: string): MillraceError {
  const { name = 'unknown error', code, $metadata } = (error ?? {}) as SdkError;
  const status = $metadata?.httpStatusCode;
  const facts = [name, ...(code === undefined || code === name ? [] : [code]), ...(status === undefined ? [] : [`HTTP ${status}`]), ...($metadata?.requestId === undefined ? [] : [`request ${$metadata.requestId}`])];
  const kind = codeOf(name, status);
  return new MillraceError(kind, `Publishing metrics to ${description} failed (${facts.join(', ')}): ${EXPLANATIONS[kind] ?? 'the service could not be reached or takes no more for now. It is tried again'}.`, {
    cause: new Error(facts.join(', ')),
  });
}

function codeOf(name: string, status: number | undefined): ErrorCode {
  if (FORBIDDEN.has(name) || status === 401 || status === 403) return 'METRICS_FORBIDDEN';
  if (THROTTLED.test(name) || status === undefined || status < 400 || status === 408 || status === 429 || status >= 500) return 'METRICS_UNAVAILABLE';
  return 'METRICS_REJECTED';
}

/** Whether the service certainly has not taken the request: it said so, or was never reached. A timeout or a 500 leaves that open. */
export function hasNotArrived(error: unknown): boolean {
  const { name = '', code = '', $metadata } = (error ?? {}) as SdkError;
  const status = $metadata?.httpStatusCode;
  if (status !== undefined) return (status >= 400 && status < 500 && status !== 408) || status === 503;
  return FORBIDDEN.has(name) || NEVER_CONNECTED.has(code);
}
