import { InvokeCommand, LambdaClient, type InvokeCommandOutput } from '@aws-sdk/client-lambda';
import { functionFailure } from './function-failures.js';
import { lambdaError } from './lambda-errors.js';
import { encodePayload } from './payload.js';
import type { RemoteFunction } from './remote-function.js';

export interface LambdaOptions {
  region: string;
  /** Name or ARN. */
  functionName: string;
  /** Version or alias; default `$LATEST`. */
  qualifier?: string;
  /** Only for servers other than AWS. */
  endpoint?: string;
  /** Milliseconds that the function itself may take, which is Lambda's limit of 15 minutes by default. */
  timeoutMs?: number;
  /** Default: what the SDK finds (environment, profile, role of the machine or container). */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
}

const LONGEST_RUN_MS = 15 * 60_000;
/** A client that is as impatient as the function would never learn that it was the function that was too slow. Covers a cold start. */
const PATIENCE_MS = 15_000;

/**
 * A function of AWS Lambda, invoked synchronously. Nothing is retried here: the step's policy does that, with the service's hint.
 * Connections are kept alive (the SDK's default), so that gateways which forget idle ones do not lose the answer of a long run.
 */
export function createLambdaFunction(options: LambdaOptions): RemoteFunction {
  const { region, functionName, qualifier, endpoint, credentials, timeoutMs = LONGEST_RUN_MS } = options;
  const description = `lambda://${region}/${functionName}${qualifier === undefined ? '' : `:${qualifier}`}`;
  const waitMs = timeoutMs + PATIENCE_MS;
  const client = new LambdaClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: waitMs, throwOnRequestTimeout: true },
  });
  const target = { FunctionName: functionName, ...(qualifier === undefined ? {} : { Qualifier: qualifier }) };

  async function send(command: InvokeCommand, signal?: AbortSignal): Promise<InvokeCommandOutput> {
    try {
      return await client.send(command, signal ? { abortSignal: signal } : {});
    } catch (error) {
      signal?.throwIfAborted();
      throw lambdaError(error, description, waitMs);
    }
  }

  return {
    description,
    async invoke(payload, { idempotencyKey, signal }) {
      const Payload = encodePayload(payload, idempotencyKey, description);
      signal?.throwIfAborted();
      const answer = await send(new InvokeCommand({ ...target, InvocationType: 'RequestResponse', LogType: 'Tail', Payload }), signal);
      const value = parseAnswer(answer);
      // The call itself has succeeded, with 200: only this header says that the function has not.
      if (answer.FunctionError !== undefined) throw functionFailure(description, failureOf(value, answer));
      return value;
    },
    async check() {
      await send(new InvokeCommand({ ...target, InvocationType: 'DryRun' }));
      return `The function ${functionName}${qualifier === undefined ? '' : `:${qualifier}`} in ${region} may be invoked.`;
    },
    async close() {
      client.destroy();
    },
  };
}

/** `null` where a function answers nothing; its text where that is no JSON (a runtime of its own). */
function parseAnswer({ Payload }: InvokeCommandOutput): unknown {
  const text = Payload === undefined ? '' : Buffer.from(Payload).toString('utf8');
  if (text === '') return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function failureOf(value: unknown, { FunctionError, LogResult, $metadata }: InvokeCommandOutput) {
  const { errorType, errorMessage } = (typeof value === 'object' && value !== null ? value : {}) as { errorType?: unknown; errorMessage?: unknown };
  return {
    errorType: typeof errorType === 'string' && errorType !== '' ? errorType : (FunctionError ?? 'Error'),
    errorMessage: typeof errorMessage === 'string' ? errorMessage : JSON.stringify(value).slice(0, 500),
    ...($metadata.requestId === undefined ? {} : { requestId: $metadata.requestId }),
    ...(LogResult === undefined ? {} : { logTail: Buffer.from(LogResult, 'base64').toString('utf8') }),
  };
}
