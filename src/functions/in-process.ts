import { randomUUID } from 'node:crypto';
import { isMillraceError } from '../errors.js';
import { functionFailure } from './function-failures.js';
import { encodePayload, PAYLOAD_LIMIT_BYTES } from './payload.js';
import type { RemoteFunction } from './remote-function.js';

/** What a handler is told of its invocation, wherever it runs. */
export interface InvocationContext {
  /** Of this attempt; two attempts at the same work have two. */
  requestId: string;
  /** Aborts when nobody waits any more, or when the time is nearly up: the handler has to end then. */
  signal: AbortSignal;
}

/** The code of a function: the same one that is deployed. Its event is JSON, and is checked by it. */
export type FunctionHandler = (event: unknown, context: InvocationContext) => Promise<unknown>;

/** Runs a function's handler in this process, with the limits and the failures that it would have elsewhere. */
export function createInProcessFunction({ name, handler }: { name: string; handler: FunctionHandler }): RemoteFunction {
  const description = `process://${name}`;
  return {
    description,
    async invoke(payload, { idempotencyKey, signal = new AbortController().signal }) {
      const event = JSON.parse(encodePayload(payload, idempotencyKey, description).toString()) as unknown;
      signal.throwIfAborted();
      const answer = await handler(event, { requestId: randomUUID(), signal }).catch((error: unknown) => {
        signal.throwIfAborted();
        throw isMillraceError(error) ? error : functionFailure(description, failureOf(error), error);
      });
      return asJson(answer, description);
    },
    check: () => Promise.resolve(`The function ${name} runs in the worker itself.`),
    close: () => Promise.resolve(),
  };
}

function failureOf(error: unknown): { errorType: string; errorMessage: string } {
  return error instanceof Error ? { errorType: error.name, errorMessage: error.message } : { errorType: 'Error', errorMessage: String(error) };
}

function asJson(answer: unknown, description: string): unknown {
  const text = JSON.stringify(answer) ?? 'null';
  const bytes = Buffer.byteLength(text);
  if (bytes > PAYLOAD_LIMIT_BYTES) {
    throw functionFailure(description, { errorType: 'Function.ResponseSizeTooLarge', errorMessage: `the answer has ${bytes} bytes, and may have ${PAYLOAD_LIMIT_BYTES}` });
  }
  return JSON.parse(text) as unknown;
}
