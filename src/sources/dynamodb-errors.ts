import { isMillraceError, MillraceError, type ErrorCode } from '../errors.js';
import { errorCodeOf, excerpt, forbiddenByCertificate, isCertificateError, redact } from './source-errors.js';

const NAMES: readonly { code: ErrorCode; advice: string; names: readonly string[] }[] = [
  { code: 'SOURCE_MISSING', advice: 'Check the name of the table and the region.', names: ['ResourceNotFoundException'] },
  {
    code: 'SOURCE_RATE_LIMITED',
    advice: "Raise the table's read capacity, or scan it with fewer segments.",
    names: ['ProvisionedThroughputExceededException', 'ThrottlingException', 'RequestLimitExceeded', 'Throttling', 'TooManyRequestsException', 'SlowDown'],
  },
  {
    code: 'SOURCE_FORBIDDEN',
    advice: 'Check the credentials and that they may call dynamodb:Scan and dynamodb:DescribeTable on this table.',
    names: [
      'AccessDeniedException',
      'UnrecognizedClientException',
      'InvalidSignatureException',
      'IncompleteSignatureException',
      'MissingAuthenticationTokenException',
      'MissingAuthenticationToken',
      'ExpiredTokenException',
      'InvalidClientTokenId',
      'CredentialsProviderError',
      'KMSAccessDeniedException',
    ],
  },
  // The table exists but is being made or changed, or the service has trouble: both pass.
  {
    code: 'SOURCE_UNAVAILABLE',
    advice: 'Try again later.',
    names: ['ResourceInUseException', 'InternalServerError', 'ServiceUnavailable', 'InternalFailure', 'TimeoutError', 'RequestTimeout'],
  },
  { code: 'SOURCE_MALFORMED', advice: 'Check the endpoint: it does not speak the protocol of DynamoDB.', names: ['SyntaxError'] },
];

interface ServiceError {
  name: string;
  message: string;
  $metadata?: { httpStatusCode?: number };
}

/** Translates what the AWS SDK raises once its own retries are used up. `secrets` never appear in the message. */
export function translateDynamoDbError(error: unknown, where: string, secrets: readonly (string | undefined)[]): MillraceError {
  if (isMillraceError(error)) return error;
  if (isCertificateError(error)) return forbiddenByCertificate(where, error);
  const { name, message, $metadata } = error as ServiceError;
  const status = $metadata?.httpStatusCode;
  // The SDK's parser repeats what it could not read.
  const said = excerpt(redact(message || errorCodeOf(error) || name, secrets), 300).replace(/[.!]$/, '');
  const known = NAMES.find(({ names }) => names.includes(name));
  if (known) return new MillraceError(known.code, `${where}: ${name}: ${said}. ${known.advice}`, { cause: error });
  if (status === 401 || status === 403) {
    return new MillraceError('SOURCE_FORBIDDEN', `${where}: ${name}: ${said}. Check the credentials.`, { cause: error });
  }
  if (status !== undefined && status >= 400 && status < 500) {
    return new MillraceError('SOURCE_REJECTED', `${where} rejects the request: ${name}: ${said}. Correct the request.`, { cause: error });
  }
  return new MillraceError('SOURCE_UNAVAILABLE', `${where} cannot be reached or failed: ${name}: ${said}. Check the endpoint and the network.`, { cause: error });
}
