/**
 * What a stream (a pipeline that loads batch after batch until it is drained) says of itself and takes: shared by its workflow and the
 * CLI. Sandbox-safe.
 */
import type { Operator } from './operator.js';

/** Name of the update by which a stream loads what is there and completes. Takes an `Operator`. */
export const DRAIN_UPDATE = 'millrace.drain';
/** Name of the query that a stream answers with its `StreamProgress`. */
export const STREAM_QUERY = 'stream';

/** Totals of a stream's batches, over all executions of its workflow. */
export interface StreamCounts {
  /** Loaded ones. */
  batches: number;
  /** read = staged + quarantined; staged = published + duplicates. */
  read: number;
  staged: number;
  quarantined: number;
  published: number;
  duplicates: number;
  /** Quarantined messages by reason. */
  reasons: Record<string, number>;
  /** Offsets without a message. */
  gaps: number;
  /** Batches that were given up, and begun again, because another load was faster with their messages. */
  outrun: number;
  /** Messages that waited after the newest batch. */
  lag: number;
  messagesPerSecond: number;
}

export interface StreamProgress extends StreamCounts {
  /** ISO 8601 UTC: when the first execution began. */
  since: string;
  /** `waiting` for messages or for time to pass. What keeps a batch from going on, such as a pause, is told by the query `steps`. */
  state: 'waiting' | 'loading' | 'draining' | 'drained';
  draining?: Operator & { since: string };
}
