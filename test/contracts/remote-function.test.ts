import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createInProcessFunction, type FunctionHandler } from '../../src/functions/in-process.js';
import { createLambdaFunction, type LambdaOptions } from '../../src/functions/lambda.js';
import { startLambdaServer, type LambdaServer } from '../servers/lambda/server.js';
import { createFunction, lambdaClient, zipOf } from '../support/lambda-functions.js';
import { remoteFunctionContract } from './remote-function.contract.js';

const OBEDIENT = new URL('../fixtures/obedient-function.cjs', import.meta.url);

async function startObedient(): Promise<LambdaServer> {
  const server = await startLambdaServer();
  const client = lambdaClient(server);
  await createFunction(client, 'obedient', { zip: zipOf({ 'index.js': await readFile(OBEDIENT, 'utf8') }), timeout: 20 });
  await createFunction(client, 'hasty', { zip: zipOf({ 'index.js': await readFile(OBEDIENT, 'utf8') }), timeout: 1 });
  client.destroy();
  return server;
}

const access = ({ endpoint, region, credentials }: LambdaServer): LambdaOptions => ({ endpoint, region, credentials, functionName: 'obedient' });

remoteFunctionContract('in this process', () => {
  const { handler } = createRequire(import.meta.url)(OBEDIENT.pathname) as { handler: FunctionHandler };
  return Promise.resolve({ fn: createInProcessFunction({ name: 'obedient', handler }), stop: () => Promise.resolve() });
});

remoteFunctionContract('of AWS Lambda', async () => {
  const server = await startObedient();
  const fn = createLambdaFunction({ ...access(server), qualifier: '1' });
  return {
    fn,
    async stop() {
      await fn.close();
      await server.stop();
    },
  };
});

describe('the adapter of AWS Lambda', () => {
  let server: LambdaServer;
  beforeAll(async () => {
    server = await startObedient();
  });
  afterAll(() => server.stop());

  const invoke = (options: Partial<LambdaOptions> = {}, payload: Record<string, unknown> = {}): Promise<unknown> =>
    createLambdaFunction({ ...access(server), ...options }).invoke(payload, { idempotencyKey: 'k' });

  it('gives the end of the log and the request with an error of the function', async () => {
    await expect(invoke({}, { behaviour: 'exit' })).rejects.toMatchObject({
      code: 'FUNCTION_CRASHED',
      retryable: true,
      details: { errorType: 'Runtime.ExitError', requestId: expect.any(String) as string, logTail: expect.stringContaining('the last words of the function') as string },
    });
  });

  it('reports a function that ran out of time as crashed, since the client waits longer than the function may run', async () => {
    await expect(invoke({ functionName: 'hasty', timeoutMs: 1000 }, { behaviour: 'wait' })).rejects.toMatchObject({
      code: 'FUNCTION_CRASHED',
      retryable: true,
      message: expect.stringContaining('Task timed out after 1.00 seconds') as string,
    });
  });

  it('passes the hint of a throttled invocation on, without calling again itself', async () => {
    const before = server.invocations.length;
    server.disturb({ kind: 'throttle', retryAfterSeconds: 7 });
    await expect(invoke()).rejects.toMatchObject({ code: 'FUNCTION_THROTTLED', retryable: true, retryAfterMs: 7000 });
    server.disturb({ kind: 'throttle' });
    await expect(invoke()).rejects.toMatchObject({ code: 'FUNCTION_THROTTLED', retryAfterMs: undefined });
    expect(server.invocations).toHaveLength(before);
    await expect(invoke()).resolves.toBeDefined();
  });

  it('says of a function, version or alias that is missing that it is, for good', async () => {
    for (const options of [{ functionName: 'nobody' }, { qualifier: '9' }, { qualifier: 'live' }]) {
      await expect(invoke(options)).rejects.toMatchObject({ code: 'FUNCTION_MISSING', retryable: false });
    }
  });

  it('says of refused credentials that they are, for good, and never repeats them', async () => {
    const credentials = { accessKeyId: 'AKIAWRONG', secretAccessKey: 'hunter22hunter22' };
    const error = await invoke({ credentials }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'FUNCTION_FORBIDDEN', retryable: false });
    expect(JSON.stringify(error) + String(error)).not.toMatch(/hunter22|AKIAWRONG/);
  });

  it.each(['service-error', 'lost-answer'] as const)('says of a service that fails that the call may be repeated: %s', async (kind) => {
    server.disturb({ kind });
    await expect(invoke()).rejects.toMatchObject({ code: 'FUNCTION_UNAVAILABLE', retryable: true });
  });

  it('says of a service that is not there that the call may be repeated', async () => {
    await expect(invoke({ endpoint: 'http://127.0.0.1:1' })).rejects.toMatchObject({ code: 'FUNCTION_UNAVAILABLE', retryable: true });
  });

  it('reports a handled error as it reports others', async () => {
    server.disturb({ kind: 'handled-error', errorType: 'Sorry', errorMessage: 'not today' });
    await expect(invoke()).rejects.toMatchObject({ code: 'FUNCTION_FAILED', message: expect.stringContaining('Sorry: not today') as string });
  });
});
