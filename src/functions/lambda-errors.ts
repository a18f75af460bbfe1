import { MillraceError, type ErrorCode } from '../errors.js';

/** Names that say more than their HTTP status does. */
const BY_NAME: Readonly<Record<string, ErrorCode>> = {
  TooManyRequestsException: 'FUNCTION_THROTTLED',
  EC2ThrottledException: 'FUNCTION_THROTTLED',
  ThrottlingException: 'FUNCTION_THROTTLED',
  // Its code or configuration is being changed at the moment.
  ResourceConflictException: 'FUNCTION_UNAVAILABLE',
  // The service reports these as its own failures (502), but they are the deployment's.
  InvalidRuntimeException: 'FUNCTION_REJECTED',
  InvalidZipFileException: 'FUNCTION_REJECTED',
  InvalidSubnetIDException: 'FUNCTION_REJECTED',
  InvalidSecurityGroupIDException: 'FUNCTION_REJECTED',
  KMSAccessDeniedException: 'FUNCTION_FORBIDDEN',
  EC2AccessDeniedException: 'FUNCTION_FORBIDDEN',
  CredentialsProviderError: 'FUNCTION_FORBIDDEN',
  TokenProviderError: 'FUNCTION_FORBIDDEN',
  UnrecognizedClientException: 'FUNCTION_FORBIDDEN',
  InvalidSignatureException: 'FUNCTION_FORBIDDEN',
  ExpiredTokenException: 'FUNCTION_FORBIDDEN',
  IncompleteSignatureException: 'FUNCTION_FORBIDDEN',
  MissingAuthenticationTokenException: 'FUNCTION_FORBIDDEN',
};

const EXPLANATIONS: Readonly<Partial<Record<ErrorCode, string>>> = {
  FUNCTION_THROTTLED: 'too many invocations run at the moment. It is tried again; if it lasts, raise the reserved concurrency of the function',
  FUNCTION_MISSING: 'there is no such function, version or alias. Deploy it, or correct the region, name and qualifier of the connection',
  FUNCTION_FORBIDDEN: 'the credentials are refused, or lack the right lambda:InvokeFunction on this function and qualifier',
  FUNCTION_REJECTED: 'the service calls the request or the deployment wrong, and would again. Look at the function in the console and at its payload',
};

interface SdkError {
  name?: string;
  /** Of the throttling: seconds, from the Retry-After header. */
  retryAfterSeconds?: string | number;
  $metadata?: { httpStatusCode?: number; requestId?: string };
}

/** Translates an error of the SDK for a call that was not answered, or not with 2xx. The service's own text is left out: it can repeat what was sent. */
export function lambdaError(error: unknown, description: string, waitMs: number): MillraceError {
  const { name = 'unknown error', retryAfterSeconds, $metadata } = (error ?? {}) as SdkError;
  const status = $metadata?.httpStatusCode;
  const code = codeOf(name, status);
  const facts = [name, ...(status === undefined ? [] : [`HTTP ${status}`]), ...($metadata?.requestId === undefined ? [] : [`request ${$metadata.requestId}`])];
  const explanation = EXPLANATIONS[code] ?? unavailable(name, waitMs);
  const retryAfterMs = Number(retryAfterSeconds) * 1000;
  return new MillraceError(code, `Invoking ${description} failed (${facts.join(', ')}): ${explanation}.`, {
    cause: new Error(facts.join(', ')),
    ...(code === 'FUNCTION_THROTTLED' && retryAfterMs > 0 ? { retryAfterMs } : {}),
  });
}

function codeOf(name: string, status: number | undefined): ErrorCode {
  const named = BY_NAME[name];
  if (named !== undefined) return named;
  if (status === undefined || status >= 500 || status < 400 || status === 408) return 'FUNCTION_UNAVAILABLE';
  if (status === 429) return 'FUNCTION_THROTTLED';
  if (status === 404) return 'FUNCTION_MISSING';
  return status === 401 || status === 403 ? 'FUNCTION_FORBIDDEN' : 'FUNCTION_REJECTED';
}

/** The SDK gives connections that break the name of a timeout too. */
function unavailable(name: string, waitMs: number): string {
  if (name !== 'TimeoutError') return 'the service could not be reached or failed. It is tried again';
  return `the connection broke, or no answer came within ${waitMs / 1000} s. The function may have done its work all the same: the next attempt has the same idempotency key and finds it`;
}
