import { z } from 'zod';
import { MillraceError } from '../../src/errors.js';

/** What an invocation is told to do. */
export interface TransformEvent {
  /** The version that was sensed: no other one is read. */
  source: { uri: string; etag: string; versionId?: string };
  /** Address of the folder below which the output lies, in a folder named by the idempotency key. */
  output: string;
  idempotencyKey: string;
  /** IANA zone of timestamps that carry none; default `UTC`. */
  timezone?: string;
}

/** Where a file of the output lies, and as which version. */
export interface OutputFile {
  uri: string;
  bytes: number;
  etag: string;
  versionId?: string;
}

/** What an invocation answers; the same for every repetition of it, but for `repeated`. */
export interface TransformResult {
  idempotencyKey: string;
  source: TransformEvent['source'];
  /** read = written + rejected. */
  rows: { read: number; written: number; rejected: number };
  rejectedByReason: Record<string, number>;
  /** CSV with a header, gzip. */
  output: OutputFile;
  /** JSON lines: line, reason, raw. Absent when nothing was rejected. */
  rejects?: OutputFile;
  /** The work had been done by an earlier invocation with this key, and nothing was done now. */
  repeated: boolean;
}

const event = z.object({
  source: z.object({ uri: z.string().min(1), etag: z.string().min(1), versionId: z.string().min(1).optional() }),
  output: z.string().regex(/[^/]$/, 'ends with a slash'),
  idempotencyKey: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._=-]{0,199}$/, 'is not made of up to 200 of A-Z a-z 0-9 . _ = -'),
  timezone: z.string().optional(),
});

/** `BAD_PARAMS` with everything that is wrong. */
export function parseTransformEvent(value: unknown): TransformEvent {
  const parsed = event.safeParse(value);
  if (!parsed.success) {
    throw new MillraceError('BAD_PARAMS', `The event of the transform function is wrong: ${parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ')}`);
  }
  const { source, output, idempotencyKey, timezone } = parsed.data;
  const { uri, etag, versionId } = source;
  return { source: { uri, etag, ...(versionId === undefined ? {} : { versionId }) }, output, idempotencyKey, ...(timezone === undefined ? {} : { timezone }) };
}
