import { textDecoder } from '@duckdb/node-api/lib/vectors/dataAccessors.js';

const exact = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * The driver reads every text with a decoder that drops a byte order mark (U+FEFF) at its start: a value would come back
 * changed. It offers no setting for that, so its decoder is made to keep what the database holds.
 */
export function keepByteOrderMarks(): void {
  textDecoder.decode = (bytes?: Uint8Array) => exact.decode(bytes);
}
