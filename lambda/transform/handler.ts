import { MillraceError } from '../../src/errors.js';
import { createS3Store } from '../../src/object-store/s3.js';
import type { ObjectStore } from '../../src/object-store/object-store.js';
import { createTransform, namedByCode, type StoreOf } from './transform.js';

/** What of Lambda's context is used here. */
export interface LambdaContext {
  awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

/** Kept from the end, to stop uploads and report, instead of being killed in the middle. */
const LAST_WORDS_MS = 1500;

/** One store for each bucket, as long as the sandbox lives. Region and credentials are those that Lambda gives. */
export function s3Stores(env: NodeJS.ProcessEnv): StoreOf {
  const stores = new Map<string, ObjectStore>();
  const endpoint = env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL'];
  return (uri) => {
    const bucket = /^s3:\/\/([^/]+)\/./.exec(uri)?.[1];
    if (bucket === undefined) throw new MillraceError('BAD_PARAMS', `The address ${uri} is not s3://bucket/key: in AWS this function reads and writes S3 only.`);
    const store = stores.get(bucket) ?? createS3Store({ bucket, region: env['AWS_REGION'] || 'us-east-1', ...(endpoint ? { endpoint, forcePathStyle: true } : {}) });
    stores.set(bucket, store);
    return { store, key: store.keyOf(uri) };
  };
}

const transform = createTransform(s3Stores(process.env));

/** The entry of the deployed function. Its log is one JSON object for each invocation. */
export async function handler(event: unknown, context: LambdaContext): Promise<unknown> {
  const started = Date.now();
  const report = (facts: Record<string, unknown>): void => console.log(JSON.stringify({ requestId: context.awsRequestId, seconds: (Date.now() - started) / 1000, ...facts }));
  const deadline = new AbortController();
  const timer = setTimeout(
    () => deadline.abort(new MillraceError('FUNCTION_CRASHED', 'The transform function does not end within its timeout. Give it more memory (which is more CPU) or more time.')),
    Math.max(0, context.getRemainingTimeInMillis() - LAST_WORDS_MS),
  );
  try {
    const result = await transform(event, { requestId: context.awsRequestId, signal: deadline.signal });
    report({ level: 'info', message: 'transformed', result });
    return result;
  } catch (error) {
    report({ level: 'error', message: error instanceof Error ? error.message : String(error), event });
    throw namedByCode(error);
  } finally {
    clearTimeout(timer);
  }
}
