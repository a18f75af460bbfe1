import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ObjectStore } from '../../src/object-store/object-store.js';
import { createS3Store } from '../../src/object-store/s3.js';
import type { S3StoreOptions } from '../../src/object-store/s3-client.js';
import { brokenStream, codeOf, keysOf, textOf } from '../contracts/object-store.contract.js';
import { startTcpProxy, type TcpProxy } from '../servers/tcp-proxy.js';
import { locateVersityGateway, startVersityGateway, type GatewayAccess, type VersityGateway } from '../servers/versitygw.js';
import { describeWithServer } from '../support/with-server.js';

const MB = 1024 * 1024;

describeWithServer('the S3 store with a gateway', locateVersityGateway, () => {
  let gateway: VersityGateway;
  let proxy: TcpProxy;
  let options: GatewayAccess;
  const stores = new Set<ObjectStore>();
  const open = (changes: Partial<S3StoreOptions> = {}): ObjectStore => {
    const store = createS3Store({ ...options, ...changes });
    stores.add(store);
    return store;
  };

  beforeAll(async () => {
    gateway = await startVersityGateway();
    await gateway.createBucket('lake');
    await gateway.createBucket('versioned', { versioned: true });
    proxy = await startTcpProxy(gateway.endpoint);
    options = gateway.access('lake');
  });
  afterEach(async () => {
    for (const store of stores) await store.close();
    stores.clear();
    proxy.disturb({ afterBytes: 0, fate: 'cut', times: 0 });
  });
  afterAll(async () => {
    await proxy?.stop();
    await gateway?.stop();
  });

  /** Every verb once, with what it needs. */
  const verbs: Record<string, (store: ObjectStore) => Promise<unknown>> = {
    put: (store) => store.put('k', 'x'),
    'put of a stream': (store) => store.put('k', brokenStream(12 * MB, 'silence')),
    'put if absent': (store) => store.put('k', 'x', { ifAbsent: true }),
    'put if it matches': (store) => store.put('k', 'x', { ifMatch: 'e' }),
    get: (store) => store.get('k'),
    localFile: (store) => store.localFile('k', tmpdir()),
    head: (store) => store.head('k'),
    list: (store) => keysOf(store, 'k'),
    delete: (store) => store.delete('k'),
    deletePrefix: (store) => store.deletePrefix('k/'),
    copy: (store) => store.copy('k', 'l'),
    check: (store) => store.check(),
  };

  test.each(Object.entries(verbs))('%s: refused credentials are STORE_FORBIDDEN, and no message holds a secret', async (_name, call) => {
    const secrets = [gateway.secretAccessKey, 'another secret key', 'the session token'];
    const wrong = [
      { accessKeyId: gateway.accessKeyId, secretAccessKey: secrets[1]! },
      { accessKeyId: 'nobody', secretAccessKey: gateway.secretAccessKey },
      { accessKeyId: 'nobody', secretAccessKey: gateway.secretAccessKey, sessionToken: secrets[2]! },
    ];
    for (const credentials of wrong) {
      const error: unknown = await call(open({ credentials })).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'STORE_FORBIDDEN', retryable: false });
      const shown = inspect(error, { depth: Infinity, showHidden: true });
      for (const secret of secrets) expect(shown).not.toContain(secret);
    }
  });

  test.each(Object.entries(verbs))('%s: a store that is down is STORE_UNAVAILABLE, with its address', async (_name, call) => {
    const down = await startTcpProxy(gateway.endpoint);
    await down.stop();
    const message = expect.stringContaining(down.url) as string;
    await expect(call(open({ endpoint: down.url }))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true, message });
  });

  test.each(Object.entries(verbs))('%s: a missing bucket is named', async (_name, call) => {
    const message = expect.stringContaining('There is no bucket no-such-bucket') as string;
    await expect(call(open({ bucket: 'no-such-bucket' }))).rejects.toMatchObject({ code: 'OBJECT_MISSING', message });
  });

  test.each(Object.entries(verbs))('%s: a store that says nothing is given up as STORE_UNAVAILABLE', async (_name, call) => {
    proxy.disturb({ afterBytes: 0, fate: 'stall', times: 100 });
    await expect(call(open({ endpoint: proxy.url, idleTimeoutMs: 150, maxAttempts: 1 }))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  test('a wrong region is told as such', async () => {
    const message = expect.stringContaining('us-west-2') as string;
    await expect(open({ region: 'us-west-2' }).put('k', 'x')).rejects.toMatchObject({ code: 'CONNECTION_MALFORMED', message });
  });

  test.each(['cut', 'stall'] as const)('a body that breaks in the middle (%s) is STORE_UNAVAILABLE and leaves no local file', async (fate) => {
    await open().put('big', Buffer.alloc(20 * MB, 'x'));
    const store = open({ endpoint: proxy.url, idleTimeoutMs: 300 });
    proxy.disturb({ afterBytes: 5 * MB, fate, times: 1 });
    const { body } = await store.get('big');
    await expect(body.toArray()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });

    const scratch = await mkdtemp(join(tmpdir(), 'millrace-scratch-'));
    proxy.disturb({ afterBytes: 5 * MB, fate, times: 1 });
    await expect(store.localFile('big', scratch)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await readdir(scratch)).toEqual([]);
    await rm(scratch, { recursive: true });
  });

  test('a body that breaks before its consumer reads fails when it is read, and does not end the process', async () => {
    await open().put('big', Buffer.alloc(20 * MB, 'x'));
    proxy.disturb({ afterBytes: 100_000, fate: 'cut', times: 1 });
    const { body } = await open({ endpoint: proxy.url }).get('big');
    await new Promise((resolve) => body.once('close', resolve));
    await expect(body.toArray()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  test('a conditional put whose answer was lost is not taken for another writer’s', async () => {
    const store = open({ endpoint: proxy.url });
    proxy.disturb({ afterBytes: 0, fate: 'cut', times: 1 });
    const { etag } = await store.put('answer-lost', 'first', { ifAbsent: true });
    expect(await open().head('answer-lost')).toMatchObject({ etag, bytes: 5 });
    proxy.disturb({ afterBytes: 0, fate: 'cut', times: 1 });
    await store.put('answer-lost', 'second', { ifMatch: etag });
    expect(await textOf(store, 'answer-lost')).toBe('second');
    expect(await codeOf(store.put('answer-lost', 'third', { ifAbsent: true }))).toBe('OBJECT_CHANGED');
  });

  test('a part that cannot be sent fails the upload, and its other parts are removed', async () => {
    const store = open({ endpoint: proxy.url, maxAttempts: 1 });
    const body = brokenStream(60 * MB, 'silence');
    const putting = store.put('parts', body);
    await once(body, 'drained');
    proxy.disturb({ afterBytes: 0, fate: 'cut', times: 1 });
    // More for another part, and then silence: the failure must not wait for the stream's end.
    body.push(Buffer.alloc(20 * MB));
    expect(await codeOf(putting)).toBe('STORE_UNAVAILABLE');
    const client = new S3Client(options);
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: 'lake' }));
    expect(Uploads.filter(({ Key }) => Key === 'parts')).toEqual([]);
    client.destroy();
    expect(await store.head('parts')).toBeUndefined();
  });

  test('keeps to its prefix: a neighbour whose name begins alike is not seen', async () => {
    const [lake, lake2] = [open({ prefix: 'lake' }), open({ prefix: 'lake2/' })];
    await lake.put('k', 'of lake');
    await lake2.put('k', 'of lake2');
    expect(lake.uri('a b/ü%')).toBe('s3://lake/lake/a b/ü%');
    expect(await keysOf(lake, '')).toEqual(['k']);
    expect(() => lake.keyOf(lake2.uri('k'))).toThrow(expect.objectContaining({ code: 'BAD_PARAMS' }));
    await lake.delete('k');
    expect(await textOf(lake2, 'k')).toBe('of lake2');
  });

  test('reads a replaced version by its id where the bucket keeps versions', async () => {
    const store = open({ bucket: 'versioned', versioned: true });
    expect(store.capabilities).toEqual({ localFiles: false, versions: true });
    const first = await store.put('k', 'first');
    const second = await store.put('k', 'second');
    expect(first.versionId).toBeDefined();
    expect(second.versionId).not.toBe(first.versionId);
    expect((await store.head('k'))?.versionId).toBe(second.versionId);
    expect(await textOf(store, 'k', { versionId: first.versionId! })).toBe('first');
    await store.copy('k', 'copy');
    expect(await textOf(store, 'copy')).toBe('second');
  });
});
