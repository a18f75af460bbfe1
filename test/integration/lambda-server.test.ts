import { InvokeCommand, type LambdaClient, PutFunctionConcurrencyCommand, UpdateFunctionCodeCommand, type InvokeCommandInput, type InvokeCommandOutput } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startLambdaServer, type LambdaServer } from '../servers/lambda/server.js';
import { createFunction, lambdaClient, zipOf } from '../support/lambda-functions.js';

const HANDLER = `
let calls = 0;
exports.handler = async (event, context) => {
  calls += 1;
  console.log('hello of call', calls);
  if (event.fail) throw Object.assign(new Error('as the event wants'), { name: 'SOURCE_MALFORMED' });
  if (event.exit) process.exit(3);
  if (event.chatter) console.log('x'.repeat(10000) + ' the end');
  if (event.sleep) await new Promise((resolve) => setTimeout(resolve, event.sleep));
  return { event, calls, name: context.functionName, version: context.functionVersion, left: context.getRemainingTimeInMillis(), greeting: process.env.GREETING, leak: process.env.HOME };
};`;

describe('the Lambda test server, by the official client', () => {
  let server: LambdaServer;
  let client: LambdaClient;
  let name: string;

  beforeAll(async () => {
    server = await startLambdaServer({ environment: { GREETING: 'from the role' } });
    client = lambdaClient(server);
  });
  afterAll(async () => {
    client.destroy();
    await server.stop();
  });
  beforeEach(async ({ task }) => {
    name = `f-${task.id}`;
    await createFunction(client, name, { zip: zipOf({ 'index.js': HANDLER }), timeout: 2 });
  });

  const invoke = (event: unknown, input: Partial<InvokeCommandInput> = {}): Promise<InvokeCommandOutput> =>
    client.send(new InvokeCommand({ FunctionName: name, Payload: Buffer.from(JSON.stringify(event)), LogType: 'Tail', ...input }));
  const payload = (answer: InvokeCommandOutput): Record<string, unknown> => JSON.parse(Buffer.from(answer.Payload!).toString('utf8')) as Record<string, unknown>;
  const log = (answer: InvokeCommandOutput): string => Buffer.from(answer.LogResult ?? '', 'base64').toString('utf8');

  it('runs the uploaded code in a process of its own, with its own environment', async () => {
    const answer = await invoke({ a: 1 });
    expect(answer).toMatchObject({ StatusCode: 200, ExecutedVersion: '$LATEST' });
    expect(answer.FunctionError).toBeUndefined();
    expect(payload(answer)).toMatchObject({ event: { a: 1 }, calls: 1, name, version: '$LATEST', greeting: 'from the role' });
    expect(payload(answer)).not.toHaveProperty('leak');
    expect(payload(answer)['left']).toBeGreaterThan(0);
  });

  it('keeps a sandbox for the next invocation, and starts another one while it is busy', async () => {
    expect(payload(await invoke({}))['calls']).toBe(1);
    expect(payload(await invoke({}))['calls']).toBe(2);
    const both = await Promise.all([invoke({ sleep: 1500 }), invoke({ sleep: 1500 })]);
    expect(new Set(both.map((answer) => payload(answer)['calls']))).toEqual(new Set([1, 3]));
    expect(server.invocations.filter((invocation) => invocation.function === name).map(({ cold }) => cold)).toEqual([true, false, false, true]);
  });

  it('answers an error of the function with 200, FunctionError, its type and message, and the log', async () => {
    const answer = await invoke({ fail: true });
    expect(answer).toMatchObject({ StatusCode: 200, FunctionError: 'Unhandled' });
    expect(payload(answer)).toMatchObject({ errorType: 'SOURCE_MALFORMED', errorMessage: 'as the event wants', trace: expect.any(Array) as unknown });
    expect(log(answer)).toMatch(/^START RequestId: [^]*\nEND RequestId: \S+\nREPORT RequestId: /);
    // Two streams, in whichever order they come.
    expect(log(answer)).toContain('hello of call 1\n');
    expect(log(answer)).toContain('ERROR Invoke Error {"errorType":"SOURCE_MALFORMED"');
  });

  it('answers a handled error as one', async () => {
    server.disturb({ kind: 'handled-error', errorType: 'Sorry', errorMessage: 'as the test wants' });
    const answer = await invoke({});
    expect(answer).toMatchObject({ StatusCode: 200, FunctionError: 'Handled' });
    expect(payload(answer)).toEqual({ errorType: 'Sorry', errorMessage: 'as the test wants' });
  });

  it('sends the last 4 KB of the log, and none where it is not asked for', async () => {
    const tail = log(await invoke({ chatter: true }));
    expect(Buffer.byteLength(tail)).toBe(4096);
    expect(tail).toContain('x the end\nEND RequestId: ');
    expect((await invoke({}, { LogType: 'None' })).LogResult).toBeUndefined();
  });

  it('kills a function at its timeout, and one that ends its process is reported; the next invocation has a new sandbox', async () => {
    const late = await invoke({ sleep: 60_000 });
    expect(late.FunctionError).toBe('Unhandled');
    expect(payload(late)).toEqual({ errorType: 'Sandbox.Timedout', errorMessage: expect.stringMatching(/Task timed out after 2\.00 seconds$/) as string });
    expect(log(late)).toContain('hello of call 1');
    const exited = await invoke({ exit: true });
    expect(payload(exited)).toEqual({ errorType: 'Runtime.ExitError', errorMessage: expect.stringMatching(/Runtime exited with error: exit status 3$/) as string });
    expect(payload(await invoke({}))['calls']).toBe(1);
  });

  it.each([
    ['Runtime.ImportModuleError', "require('no-such-package');"],
    ['Runtime.UserCodeSyntaxError', 'this is no JavaScript'],
    ['Runtime.HandlerNotFound', 'exports.other = 1;'],
  ])('reports code that cannot be loaded: %s', async (errorType, code) => {
    await client.send(new UpdateFunctionCodeCommand({ FunctionName: name, ZipFile: zipOf({ 'index.js': code }) }));
    expect(payload(await invoke({}))).toMatchObject({ errorType });
  });

  it('takes an event with 202 and tries it three times', async () => {
    const answer = await invoke({ fail: true }, { InvocationType: 'Event' });
    expect(answer.StatusCode).toBe(202);
    await expect.poll(() => server.invocations.filter((one) => one.function === name && one.outcome), { timeout: 20_000 }).toHaveLength(3);
    expect(new Set(server.invocations.filter((one) => one.function === name).map(({ requestId }) => requestId)).size).toBe(1);
  });

  it('runs nothing for a dry run, and answers 204', async () => {
    expect((await invoke({}, { InvocationType: 'DryRun' })).StatusCode).toBe(204);
    expect(server.invocations.filter((invocation) => invocation.function === name)).toEqual([]);
  });

  it('knows versions, and says so of functions and qualifiers that it does not know', async () => {
    expect((await invoke({}, { Qualifier: '1' })).ExecutedVersion).toBe('1');
    await expect(invoke({}, { Qualifier: '2' })).rejects.toMatchObject({ name: 'ResourceNotFoundException', $metadata: { httpStatusCode: 404 } });
    await expect(invoke({}, { FunctionName: 'nobody' })).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    expect((await invoke({}, { FunctionName: `arn:aws:lambda:${server.region}:000000000000:function:${name}` })).StatusCode).toBe(200);
  });

  it('throttles on demand, with a hint, and above the reserved concurrency', async () => {
    server.disturb({ kind: 'throttle', retryAfterSeconds: 7 });
    await expect(invoke({})).rejects.toMatchObject({ name: 'TooManyRequestsException', retryAfterSeconds: '7', $metadata: { httpStatusCode: 429 } });
    await client.send(new PutFunctionConcurrencyCommand({ FunctionName: name, ReservedConcurrentExecutions: 1 }));
    const both = await Promise.allSettled([invoke({ sleep: 1500 }), invoke({ sleep: 1500 })]);
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set(['fulfilled', 'rejected']));
    expect((await invoke({})).StatusCode).toBe(200);
  });

  it('refuses a payload above 6 MB', async () => {
    await expect(invoke({ text: 'x'.repeat(6 * 1024 * 1024) })).rejects.toMatchObject({ name: 'RequestTooLargeException', $metadata: { httpStatusCode: 413 } });
  });

  it('refuses unsigned requests and unknown keys', async () => {
    const unsigned = await fetch(`${server.endpoint}/2015-03-31/functions/${name}/invocations`, { method: 'POST', body: '{}' });
    expect([unsigned.status, unsigned.headers.get('x-amzn-errortype')]).toEqual([403, 'MissingAuthenticationTokenException']);
    const stranger = lambdaClient({ ...server, credentials: { accessKeyId: 'AKIAOTHER', secretAccessKey: 'x' } });
    await expect(stranger.send(new InvokeCommand({ FunctionName: name }))).rejects.toMatchObject({ name: 'UnrecognizedClientException' });
  });

  it('refuses a change while another one is under way', async () => {
    const change = (): Promise<unknown> => client.send(new UpdateFunctionCodeCommand({ FunctionName: name, ZipFile: zipOf({ 'index.js': HANDLER }) }));
    await change();
    await expect(change()).rejects.toMatchObject({ name: 'ResourceConflictException', $metadata: { httpStatusCode: 409 } });
    await expect.poll(() => change().then(() => 'changed', () => 'refused'), { timeout: 10_000 }).toBe('changed');
  });

  it('starts slowly when it is told to', async () => {
    const slow = await startLambdaServer({ coldStartMs: 400 });
    const slowClient = lambdaClient(slow);
    try {
      await createFunction(slowClient, 'f', { zip: zipOf({ 'index.js': HANDLER }) });
      const timed = async (): Promise<number> => {
        const started = performance.now();
        await slowClient.send(new InvokeCommand({ FunctionName: 'f' }));
        return performance.now() - started;
      };
      expect(await timed()).toBeGreaterThan(400);
      expect(slow.invocations.at(-1)!.cold).toBe(true);
      await timed();
      expect(slow.invocations.at(-1)!.cold).toBe(false);
    } finally {
      slowClient.destroy();
      await slow.stop();
    }
  });
});
