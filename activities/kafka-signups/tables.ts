import type { TableSpec } from '../../src/warehouse/warehouse.js';

/** New users, one row for each event. Holds nothing that differs between two runs over the same messages. */
export const USER_SIGNUPS: TableSpec = {
  name: 'user_signups',
  columns: [
    { name: 'interval_start', type: 'timestamp' },
    { name: 'interval_end', type: 'timestamp' },
    { name: 'event_id', type: 'text' },
    { name: 'user_id', type: 'text' },
    { name: 'email', type: 'text' },
    { name: 'full_name', type: 'text' },
    { name: 'country', type: 'text' },
    { name: 'plan', type: 'text' },
    { name: 'referrer', type: 'text', nullable: true },
    { name: 'signed_up_at', type: 'timestamp' },
  ],
  key: ['event_id'],
};

/**
 * By whatever way messages are loaded, in `millrace_offsets` they are loaded by this one: the daily batch and the stream go on where
 * the other one has come to.
 */
export const LOADER = 'kafka-signups';

/** Up to where each partition has been loaded: published in the transaction of the rows themselves. */
export const LOADED_OFFSETS: TableSpec = {
  name: 'millrace_offsets',
  columns: [
    { name: 'interval_start', type: 'timestamp' },
    { name: 'interval_end', type: 'timestamp' },
    { name: 'pipeline', type: 'text' },
    { name: 'topic', type: 'text' },
    { name: 'topic_partition', type: 'integer' },
    /** Of the first message that has not been loaded. */
    { name: 'next_offset', type: 'bigint' },
    /** The run, or the batch of a stream, that has brought it there. */
    { name: 'loaded_by', type: 'text' },
  ],
  key: ['pipeline', 'topic', 'topic_partition'],
};
