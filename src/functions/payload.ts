import { MillraceError } from '../errors.js';

/** Lambda's limit for the request and for the answer of a synchronous invocation. */
export const PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024;

/** The payload with its idempotency key as bytes; `FUNCTION_REJECTED` above the limit, `BAD_PARAMS` without a key. */
export function encodePayload(payload: Readonly<Record<string, unknown>>, idempotencyKey: string, description: string): Buffer {
  if (idempotencyKey === '') throw new MillraceError('BAD_PARAMS', `The invocation of ${description} has no idempotency key: a retry could do its work twice`);
  const bytes = Buffer.from(JSON.stringify({ ...payload, idempotencyKey }));
  if (bytes.length <= PAYLOAD_LIMIT_BYTES) return bytes;
  throw new MillraceError(
    'FUNCTION_REJECTED',
    `The payload for ${description} has ${bytes.length} bytes, and an invocation takes ${PAYLOAD_LIMIT_BYTES}. Write the data to the object store and pass its address. Nothing was sent.`,
  );
}
