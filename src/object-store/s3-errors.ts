import { MillraceError, isMillraceError, type ErrorCode } from '../errors.js';
import { changedObject, missingObject, rangeOutside } from './object-errors.js';

/** Where a request went, for its error's message; none of these is a secret. */
export interface S3Place {
  bucket: string;
  region: string;
  /** `https://host:port`, without user, path or query. */
  endpoint: string | undefined;
}

interface Facts {
  /** S3's error code, or the name that the SDK or Node gives to a failure without an answer. */
  name: string;
  status: number | undefined;
}

const FORBIDDEN = new Set([
  'AccessDenied',
  'AccountProblem',
  'AllAccessDisabled',
  'CredentialsProviderError',
  'ExpiredToken',
  'Forbidden',
  'InvalidAccessKeyId',
  'InvalidToken',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
  'TokenProviderError',
  'TokenRefreshRequired',
  // Versity's gateway says so, with 404, of an access key that it does not know.
  'XAdminUserNotFound',
]);
const WRONG_REGION = new Set(['AuthorizationHeaderMalformed', 'IllegalLocationConstraintException', 'PermanentRedirect']);
/** 409 that speak of the key and not of its content. The first two are a gateway's over a file system, where a key cannot be a folder too. */
const KEY_CONFLICT = new Set(['ExistingObjectIsDirectory', 'ObjectParentIsFile', 'InvalidBucketState']);
/** 4xx that speak of this transmission and not of the request, so that the next one may succeed. */
const TRANSIENT = new Set([
  'BadDigest',
  'IncompleteBody',
  'NoSuchUpload',
  'OperationAborted',
  'RequestTimeout',
  'TimeoutError',
  'XAmzContentChecksumMismatch',
]);

/**
 * Translates an error of the SDK. `action` begins the sentence ("Writing"), `uri` is the object or folder. Of the SDK's
 * error only its name and status are used: answers can repeat a session token or the request's signature.
 */
export function s3Error(error: unknown, action: string, uri: string, place: S3Place): MillraceError {
  if (isMillraceError(error)) return error;
  const facts = factsOf(error);
  const cause = new Error(named(facts));
  const code = codeOf(facts);
  switch (code) {
    case 'OBJECT_MISSING':
      if (facts.name === 'NoSuchBucket') return missingBucket(place, cause);
      return missingObject(uri);
    case 'OBJECT_CHANGED':
      return changedObject(uri, cause);
    case 'BAD_PARAMS':
      if (facts.status === 416) return rangeOutside(uri, cause);
      return failure(code, `the store calls the request wrong, and would again. Check the key, the sizes and the connection's region.`);
    case 'STORE_FORBIDDEN':
      return failure(code, `the store refuses the credentials. Check the keys, the grants on the bucket and this machine's clock.`);
    case 'CONNECTION_MALFORMED':
      return failure(code, `the bucket ${place.bucket} is not in the region ${place.region}. Correct the connection's region.`);
    default:
      return failure('STORE_UNAVAILABLE', `the store${at(place)} could not be reached or failed; the step is tried again.`);
  }

  function failure(as: ErrorCode, explanation: string): MillraceError {
    return new MillraceError(as, `${action} ${uri} failed (${named(facts)}): ${explanation}`, { cause });
  }
}

function missingBucket(place: S3Place, cause: unknown): MillraceError {
  const message = `There is no bucket ${place.bucket}${at(place)}. Create it, or correct the connection's bucket, region or endpoint.`;
  return new MillraceError('OBJECT_MISSING', message, { cause });
}

/** 404, also where the answer has no body that names it (HEAD). */
export function isNotFound(error: unknown): boolean {
  return factsOf(error).status === 404;
}

/** 400 without a text that says what is wrong, as in answers to HEAD: a wrong region or token, among others. */
export function isUnnamed(error: unknown): boolean {
  const { name, status } = factsOf(error);
  return status === 400 && ['Unknown', 'UnknownError', 'BadRequest', '400', 'unknown error'].includes(name);
}

/** The credentials are known, and lack the right to list. */
export function isListingDenied(error: unknown): boolean {
  return factsOf(error).name === 'AccessDenied';
}

/** A condition of the request (`If-Match`, `If-None-Match`) was not met, or was overtaken by another writer. */
export function isConditionFailure(error: unknown): boolean {
  return codeOf(factsOf(error)) === 'OBJECT_CHANGED';
}

function codeOf({ name, status }: Facts): ErrorCode {
  if (FORBIDDEN.has(name)) return 'STORE_FORBIDDEN';
  if (WRONG_REGION.has(name) || status === 301) return 'CONNECTION_MALFORMED';
  if (TRANSIENT.has(name)) return 'STORE_UNAVAILABLE';
  if (status === undefined || status === 408 || status === 429) return 'STORE_UNAVAILABLE';
  if (status === 404) return 'OBJECT_MISSING';
  if (status === 412 || (status === 409 && !KEY_CONFLICT.has(name))) return 'OBJECT_CHANGED';
  if (status === 401 || status === 403) return 'STORE_FORBIDDEN';
  // 501: the store lacks the feature, and lacks it on the next attempt too.
  if ((status >= 400 && status < 500) || status === 501) return 'BAD_PARAMS';
  return 'STORE_UNAVAILABLE';
}

function factsOf(error: unknown): Facts {
  const { name, code, $metadata } = (error ?? {}) as { name?: unknown; code?: unknown; $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  const label = [status === undefined ? code : undefined, name].find((text) => typeof text === 'string' && /^[\w.-]{1,64}$/.test(text));
  return { name: typeof label === 'string' ? label : 'unknown error', status: status !== undefined && status >= 300 ? status : undefined };
}

function named({ name, status }: Facts): string {
  return status === undefined ? name : `${name}, HTTP ${status}`;
}

function at({ endpoint, region }: S3Place): string {
  return endpoint === undefined ? ` in the region ${region}` : ` at ${endpoint}`;
}
