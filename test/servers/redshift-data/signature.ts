import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { ApiError } from './api-error.js';

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
}

const SERVICE = 'redshift-data';

/**
 * Checks a request's AWS Signature Version 4 as AWS does: 403 for a key that nobody has, and for a signature that was made with
 * another secret. See https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function checkSignature(request: IncomingMessage, body: string, region: string, credentials: Credentials): void {
  const authorization = request.headers.authorization;
  if (authorization === undefined) throw new ApiError('MissingAuthenticationTokenException', 'Missing Authentication Token', 403);
  const parts = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(authorization);
  if (!parts) throw new ApiError('IncompleteSignatureException', 'Authorization header cannot be read.', 403);
  const [, accessKeyId, day = '', signedRegion, service, signedHeaders = '', signature = ''] = parts;
  if (accessKeyId !== credentials.accessKeyId) throw new ApiError('UnrecognizedClientException', 'The security token included in the request is invalid.', 403);
  if (signedRegion !== region || service !== SERVICE) throw new ApiError('InvalidSignatureException', `Credential should be scoped to a valid region and to ${SERVICE}.`, 403);

  const headers = signedHeaders.split(';').map((name) => `${name}:${String(request.headers[name] ?? '').trim().replaceAll(/ +/g, ' ')}\n`);
  const canonical = [request.method ?? '', '/', '', headers.join(''), signedHeaders, sha256(body)].join('\n');
  const scope = `${day}/${region}/${SERVICE}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', String(request.headers['x-amz-date']), scope, sha256(canonical)].join('\n');
  const key = [day, region, SERVICE, 'aws4_request'].reduce<Buffer>((secret, part) => hmac(secret, part), Buffer.from(`AWS4${credentials.secretAccessKey}`));
  if (timingSafeEqual(hmac(key, toSign), Buffer.from(signature, 'hex'))) return;
  throw new ApiError('InvalidSignatureException', 'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.', 403);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
