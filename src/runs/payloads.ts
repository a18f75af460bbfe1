import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';
import type { Failure } from './run-view.js';

/** Values and failures out of a history, by the client's own data converter. */
export interface PayloadReader {
  /** `[]` for what cannot be read (another codec): a run is shown without its rows rather than not at all. */
  values(payloads: temporal.api.common.v1.IPayloads | null | undefined): Promise<unknown[]>;
  /** The innermost cause that an application raised. */
  failure(failure: temporal.api.failure.v1.IFailure | null | undefined): Failure | undefined;
}

export function createPayloadReader(client: Client): PayloadReader {
  const { payloadConverter, failureConverter, payloadCodecs } = client.options.loadedDataConverter;

  const decoded = async (payloads: Payload[]): Promise<Payload[]> => {
    let current = payloads;
    for (const codec of payloadCodecs.toReversed()) current = await codec.decode(current);
    return current;
  };

  return {
    async values(payloads) {
      try {
        return (await decoded(payloads?.payloads ?? [])).map((payload) => payloadConverter.fromPayload(payload));
      } catch {
        return [];
      }
    },
    failure(failure) {
      return failure == null ? undefined : describeError(failureConverter.failureToError(failure, payloadConverter));
    },
  };
}

/** The innermost cause that an application raised. */
export function describeError(error: Error): Failure {
  let cause = error;
  while (cause.cause instanceof Error) cause = cause.cause;
  const type = 'type' in cause && typeof cause.type === 'string' && cause.type !== '' ? cause.type : cause.name;
  return { type, message: cause.message.split('\n')[0] ?? '' };
}
