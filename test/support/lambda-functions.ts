import { CreateFunctionCommand, LambdaClient, PublishVersionCommand, waitUntilFunctionActiveV2 } from '@aws-sdk/client-lambda';
import { strToU8, zipSync } from 'fflate';
import type { LambdaServer } from '../servers/lambda/server.js';

/** The official client of a test server, which does not retry by itself. */
export function lambdaClient({ endpoint, region, credentials }: Pick<LambdaServer, 'endpoint' | 'region' | 'credentials'>): LambdaClient {
  return new LambdaClient({ endpoint, region, credentials, maxAttempts: 1 });
}

export function zipOf(files: Record<string, string>): Uint8Array {
  return zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)])));
}

export interface NewFunction {
  zip: Uint8Array;
  /** Seconds; default 30. */
  timeout?: number;
  environment?: Record<string, string>;
}

/** Creates a function, waits until it is active, and publishes its version 1. */
export async function createFunction(client: LambdaClient, name: string, { zip, timeout = 30, environment = {} }: NewFunction): Promise<void> {
  await client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: 'arn:aws:iam::000000000000:role/test',
      Runtime: 'nodejs22.x',
      Handler: 'index.handler',
      Code: { ZipFile: zip },
      Timeout: timeout,
      MemorySize: 512,
      Environment: { Variables: environment },
    }),
  );
  await waitUntilFunctionActiveV2({ client, maxWaitTime: 30, minDelay: 0.2, maxDelay: 1 }, { FunctionName: name });
  await client.send(new PublishVersionCommand({ FunctionName: name }));
}
