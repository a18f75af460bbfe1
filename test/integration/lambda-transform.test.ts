import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TransformResult } from '../../lambda/transform/event.js';
import { createTransform } from '../../lambda/transform/transform.js';
import { bundleFunction } from '../../scripts/lambda/bundle.js';
import { createInProcessFunction } from '../../src/functions/in-process.js';
import { createLambdaFunction } from '../../src/functions/lambda.js';
import type { RemoteFunction } from '../../src/functions/remote-function.js';
import type { ObjectInfo, ObjectStore } from '../../src/object-store/object-store.js';
import { RETAIL_HEADER } from '../contracts/transform.contract.js';
import { startLambdaServer, type LambdaServer } from '../servers/lambda/server.js';
import { locateVersityGateway } from '../servers/versitygw.js';
import { createFunction, lambdaClient } from '../support/lambda-functions.js';
import { startS3Store, type StartedStore } from '../support/object-stores.js';
import { describeWithServer } from '../support/with-server.js';

const LINES = `${RETAIL_HEADER}\n536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n536366,22633,WARMER,x,2010-12-01 08:28:00,1.85,,\n`;

describeWithServer('the deployed transform function, as its zip on S3 and Lambda', locateVersityGateway, () => {
  let s3: StartedStore;
  let store: ObjectStore;
  let server: LambdaServer;
  let client: LambdaClient;
  let fn: RemoteFunction;

  beforeAll(async () => {
    const started = await startS3Store();
    s3 = started;
    store = started.store;
    const { endpoint, accessKeyId, secretAccessKey } = started.gateway;
    server = await startLambdaServer({ environment: { AWS_ENDPOINT_URL_S3: endpoint, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } });
    client = lambdaClient(server);
    await createFunction(client, 'transform', { zip: (await bundleFunction('transform')).zip, timeout: 120 });
    fn = createLambdaFunction({ ...server, functionName: 'transform', qualifier: '1', timeoutMs: 120_000 });
  });
  afterAll(async () => {
    await fn.close();
    client.destroy();
    await server.stop();
    await s3.stop();
  });

  const invoke = (source: ObjectInfo, output: string, through = fn): Promise<TransformResult> =>
    through.invoke({ source: { uri: store.uri(source.key), etag: source.etag }, output: store.uri(output) }, { idempotencyKey: 'run-1' }) as Promise<TransformResult>;
  const content = async ({ uri }: { uri: string }): Promise<Buffer> => buffer((await store.get(store.keyOf(uri))).body);
  async function keysBelow(prefix: string): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key } of store.list(`${prefix}/`)) keys.push(key);
    return keys;
  }

  it('writes what the same handler writes in process', async () => {
    const source = await store.put('incoming/data_1.csv', LINES);
    const embedded = createInProcessFunction({ name: 'transform', handler: createTransform((uri) => ({ store, key: store.keyOf(uri) })) });
    const [remote, local] = [await invoke(source, 'out/remote'), await invoke(source, 'out/local', embedded)];
    expect(remote).toMatchObject({ rows: { read: 2, written: 1, rejected: 1 }, rejectedByReason: { bad_quantity: 1 }, repeated: false });
    expect(gunzipSync(await content(remote.output))).toEqual(gunzipSync(await content(local.output)));
    expect(await content(remote.rejects!)).toEqual(await content(local.rejects!));
  });

  it('has one effect when the answer of the first invocation is lost', async () => {
    const source = await store.put('incoming/data_2.csv', LINES);
    server.disturb({ kind: 'lost-answer' });
    await expect(invoke(source, 'out/lost')).rejects.toMatchObject({ code: 'FUNCTION_UNAVAILABLE', retryable: true });
    const done = await keysBelow('out/lost');
    expect(await invoke(source, 'out/lost')).toMatchObject({ rows: { read: 2 }, repeated: true });
    expect(await keysBelow('out/lost')).toEqual(done);
    expect(done.filter((key) => key.endsWith('.csv.gz'))).toHaveLength(1);
  });

  it('has one effect when it is invoked again while the first invocation still runs', async () => {
    const source = await store.put('incoming/data_3.csv', LINES);
    const both = await Promise.all([invoke(source, 'out/twice'), invoke(source, 'out/twice')]);
    expect(both.filter(({ repeated }) => repeated)).toHaveLength(1);
    expect((await keysBelow('out/twice')).filter((key) => key.endsWith('.csv.gz'))).toHaveLength(1);
  });

  it('has one effect when the client gives up before the function ends, and tries again', async () => {
    const source = await store.put('incoming/data_7.csv', manyRows(50_000));
    const before = server.invocations.length;
    const givingUp = new AbortController();
    const payload = { source: { uri: store.uri(source.key), etag: source.etag }, output: store.uri('out/impatient') };
    const first = fn.invoke(payload, { idempotencyKey: 'run-1', signal: givingUp.signal });
    first.catch(() => undefined);
    await expect.poll(() => server.invocations.length, { timeout: 20_000, interval: 10 }).toBe(before + 1);
    givingUp.abort(new Error('the client gives up'));
    await expect(first).rejects.toThrow('the client gives up');
    expect(server.invocations.at(-1)!.outcome).toBeUndefined();
    const second = await invoke(source, 'out/impatient');
    expect(second.rows.read).toBe(50_000);
    // The one that nobody waits for ends too.
    await expect.poll(() => server.invocations.slice(before).every(({ outcome }) => outcome !== undefined), { timeout: 60_000 }).toBe(true);
    const files = await keysBelow('out/impatient');
    expect(files.filter((key) => key.endsWith('.csv.gz'))).toEqual([store.keyOf(second.output.uri)]);
  }, 120_000);

  it('fails with our codes, through the wire', async () => {
    const sensed = await store.put('incoming/data_4.csv', LINES);
    await store.put('incoming/data_4.csv', `${LINES}${LINES}`);
    await expect(invoke(sensed, 'out/changed')).rejects.toMatchObject({ code: 'OBJECT_CHANGED', retryable: false });
    const malformed = await store.put('incoming/data_5.csv', 'a,b\n');
    await expect(invoke(malformed, 'out/malformed')).rejects.toMatchObject({
      code: 'SOURCE_MALFORMED',
      message: expect.stringContaining('s3://raw/incoming/data_5.csv') as string,
      details: { logTail: expect.stringContaining('"level":"error"') as string },
    });
    expect(await keysBelow('out')).toEqual(expect.not.arrayContaining([expect.stringMatching(/changed|malformed/)]));
  });

  it('reports in time that it does not end within its timeout, and leaves nothing behind', async () => {
    await createFunction(client, 'hasty', { zip: (await bundleFunction('transform')).zip, timeout: 2 });
    const hasty = createLambdaFunction({ ...server, functionName: 'hasty', timeoutMs: 2000 });
    const source = await store.put('incoming/data_6.csv', manyRows(1_000_000));
    await expect(invoke(source, 'out/hasty', hasty)).rejects.toMatchObject({ code: 'FUNCTION_CRASHED', message: expect.stringMatching(/within its timeout|timed out/) as string });
    expect(await keysBelow('out/hasty')).toEqual([]);

    const result = await invoke(source, 'out/large');
    expect(result.rows).toEqual({ read: 1_000_000, written: 950_000, rejected: 50_000 });
    const { outcome } = server.invocations.at(-1)!;
    expect(outcome!.maxMemoryMb).toBeLessThan(300);
  }, 180_000);
});

/** Every twentieth row is to be rejected. */
function manyRows(count: number): Readable {
  function* pieces(): Generator<string> {
    yield `${RETAIL_HEADER}\n`;
    for (let start = 0; start < count; start += 1000) {
      let piece = '';
      for (let row = start; row < start + 1000; row += 1) {
        piece += `${536365 + row},85123A,"HEART, ${row}",${row % 20 === 0 ? 'x' : 6},2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n`;
      }
      yield piece;
    }
  }
  return Readable.from(pieces(), { objectMode: false });
}
