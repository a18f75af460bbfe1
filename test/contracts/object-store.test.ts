import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../src/object-store/object-store.js';
import { createLocalDirectoryStore } from '../../src/object-store/local-directory.js';
import { createS3Store } from '../../src/object-store/s3.js';
import type { S3StoreOptions } from '../../src/object-store/s3-client.js';
import { startHttpServer, type HttpServer } from '../servers/http.js';
import { startTcpProxy, type TcpProxy } from '../servers/tcp-proxy.js';
import { locateVersityGateway, startVersityGateway, type VersityGateway } from '../servers/versitygw.js';
import { describeWithServer } from '../support/with-server.js';
import { brokenStream, codeOf, keysOf, objectStoreContract, textOf, type ObjectStoreUnderTest } from './object-store.contract.js';

const MB = 1024 * 1024;
const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'millrace-store-'));

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
}

async function localDirectory(): Promise<ObjectStoreUnderTest> {
  const folder = await temporaryFolder();
  // Percent signs and spaces in the root's own path must survive the addresses.
  const root = join(folder, 'a lake %20 +');
  return {
    store: createLocalDirectoryStore({ root }),
    leftovers: async () => filesBelow(join(root, '.millrace-tmp')).catch(() => []),
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}

function optionsFor(gateway: VersityGateway, bucket: string): S3StoreOptions & { credentials: { accessKeyId: string; secretAccessKey: string } } {
  const { endpoint, region, accessKeyId, secretAccessKey } = gateway;
  return { bucket, endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } };
}

async function s3(prefix?: string): Promise<ObjectStoreUnderTest> {
  const gateway = await startVersityGateway();
  await gateway.createBucket('lake');
  const options = optionsFor(gateway, 'lake');
  const store = createS3Store({ ...options, ...(prefix === undefined ? {} : { prefix }) });
  const client = new S3Client(options);
  return {
    store,
    async leftovers() {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: 'lake' }));
      return Uploads.map(({ Key = '' }) => Key);
    },
    async stop() {
      client.destroy();
      await store.close();
      await gateway.stop();
    },
  };
}

objectStoreContract('of a local directory', localDirectory);
describeWithServer('with an S3 gateway', locateVersityGateway, () => {
  objectStoreContract('S3', () => s3());
  objectStoreContract('S3 below a prefix', () => s3('/team a/lake+1/'));
});

describe('the local directory store', () => {
  let root: string;
  let store: ObjectStore;
  const children = new Set<ChildProcess>();
  const start = (script: string, ...args: string[]): ChildProcess => {
    const file = join(import.meta.dirname, '../support', script);
    const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.add(child);
    return child;
  };

  beforeEach(async () => {
    root = await temporaryFolder();
    store = createLocalDirectoryStore({ root });
  });
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
    await rm(root, { recursive: true, force: true });
  });

  test('addresses objects as file URLs and hands out the files themselves', async () => {
    await store.put('a b/100%.csv', 'x');
    expect(store.uri('a b/100%.csv')).toBe(`file://${root}/a%20b/100%25.csv`);
    expect(await store.localFile('a b/100%.csv', '/never/used')).toBe(join(root, 'a b/100%.csv'));
  });

  test('gives every put a time of its own, so that an inode that is used again does not bring back an old etag', async () => {
    const names = Array.from({ length: 60 }, (_, i) => String(i));
    await Promise.all(names.map((name) => store.put(name, 'x')));
    const times = await Promise.all(names.map(async (name) => (await stat(join(root, name), { bigint: true })).mtimeNs));
    expect(new Set(times).size).toBe(60);
  });

  test('sees files that other programs put there, and their replacement', async () => {
    await mkdir(join(root, 'incoming'));
    await writeFile(join(root, 'incoming/data.csv'), 'one');
    const before = await store.head('incoming/data.csv');
    expect(await keysOf(store, 'inc')).toEqual(['incoming/data.csv']);
    await rm(join(root, 'incoming/data.csv'));
    await writeFile(join(root, 'incoming/data.csv'), 'two');
    expect((await store.head('incoming/data.csv'))?.etag).not.toBe(before?.etag);
  });

  test('never lists its work folder and takes no keys in it', async () => {
    await store.put('k', 'x');
    expect(await readdir(root)).toContain('.millrace-tmp');
    await writeFile(join(root, '.millrace-tmp', 'half'), 'x');
    expect(await keysOf(store, '')).toEqual(['k']);
    expect(await keysOf(store, '.millrace-tmp/')).toEqual([]);
    for (const key of ['.millrace-tmp', '.millrace-tmp/half', '.Millrace-TMP/half']) expect(await codeOf(store.put(key, 'x'))).toBe('BAD_PARAMS');
  });

  test('follows links to files and not to folders, which could lead in circles', async () => {
    await store.put('real/k', 'x');
    await symlink(join(root, 'real/k'), join(root, 'link-to-file'));
    await symlink(root, join(root, 'link-to-folder'));
    await symlink('/nowhere', join(root, 'link-to-nothing'));
    expect(await keysOf(store, '')).toEqual(['link-to-file', 'real/k']);
  });

  test('says which key cannot be both an object and a folder', async () => {
    await store.put('a', 'x');
    await expect(store.put('a/b', 'x')).rejects.toMatchObject({ code: 'BAD_PARAMS', message: expect.stringContaining('/a/b') as string });
    await store.put('c/d', 'x');
    expect(await codeOf(store.put('c', 'x'))).toBe('BAD_PARAMS');
    expect(await codeOf(store.put('c', 'x', { ifAbsent: true }))).toBe('BAD_PARAMS');
    expect(await codeOf(store.put('n'.repeat(300), 'x'))).toBe('BAD_PARAMS');
    expect(await filesBelow(join(root, '.millrace-tmp'))).toEqual([]);
  });

  test('moves a file without copying it, but copies what has a second name or lies in the store', async () => {
    const upload = `${root}-upload`;
    await writeFile(upload, 'moved');
    const { ino } = await stat(upload);
    await store.putFile('moved', upload, { move: true });
    expect((await stat(join(root, 'moved'))).ino).toBe(ino);
    await expect(stat(upload)).rejects.toThrow('ENOENT');

    const { etag } = await store.put('object', 'x');
    await link(join(root, 'object'), upload);
    await store.putFile('second', upload, { move: true });
    await store.putFile('third', join(root, 'object'), { move: true });
    expect((await store.head('object'))?.etag).toBe(etag);
    await expect(stat(upload)).rejects.toThrow('ENOENT');
    expect(await keysOf(store, '')).toEqual(['moved', 'object', 'second', 'third']);
  });

  test('keeps the version that localFile was asked for readable when the object is replaced', async () => {
    const { etag } = await store.put('day.csv', 'sensed');
    const scratch = join(root, '.millrace-tmp', 'scratch');
    const file = await store.localFile('day.csv', scratch, { ifMatch: etag });
    await store.put('day.csv', 'replaced');
    expect(await readFile(file, 'utf8')).toBe('sensed');
  });

  test('counts right when several processes read, add one and write if nobody was faster', async () => {
    await store.put('count', '0');
    const ends = await Promise.all(Array.from({ length: 3 }, () => once(start('count-up.ts', root, '40'), 'exit')));
    expect(ends).toEqual([[0, null], [0, null], [0, null]]);
    expect(await textOf(store, 'count')).toBe('120');
  });

  test('shows no half object after its writer was killed, and removes what that one left a day later', async () => {
    const writer = start('put-forever.ts', root);
    await once(writer.stdout!, 'data');
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    expect(await keysOf(store, '')).toEqual([]);
    const [half] = await filesBelow(join(root, '.millrace-tmp'));
    await store.put('k', 'x');
    expect(await filesBelow(join(root, '.millrace-tmp'))).toEqual([half]);

    const yesterday = Date.now() / 1000 - 86_500;
    await utimes(join(root, '.millrace-tmp', half!), yesterday, yesterday);
    await createLocalDirectoryStore({ root }).put('k', 'y');
    expect(await filesBelow(join(root, '.millrace-tmp'))).toEqual([]);
  });

  test('takes over the lock of a dead process at once, and of an unknown one when it is old', async () => {
    const lock = await lockFileOf(store, root, 'k');
    const dead = start('put-forever.ts', join(root, 'elsewhere'));
    dead.kill('SIGKILL');
    await once(dead, 'exit');
    await writeFile(lock, JSON.stringify({ host: hostname(), pid: dead.pid, token: randomUUID() }));
    await store.put('k', 'after the dead', { ifAbsent: true });

    await writeFile(lock, JSON.stringify({ host: 'another-machine', pid: 1, token: randomUUID() }));
    const longAgo = Date.now() / 1000 - 40;
    await utimes(lock, longAgo, longAgo);
    await store.put('k', 'after the old one');
    expect(await textOf(store, 'k')).toBe('after the old one');
    expect(await filesBelow(join(root, '.millrace-tmp'))).toEqual([]);
  });

  test('waits for a lock that is held, as long as it is not cancelled', async () => {
    const lock = await lockFileOf(store, root, 'k');
    await writeFile(lock, JSON.stringify({ host: 'another-machine', pid: 1, token: randomUUID() }));
    const controller = new AbortController();
    const cancelled = store.put('k', 'x', { signal: controller.signal });
    const waiting = store.put('k', 'patient');
    controller.abort(new Error('cancelled by the operator'));
    await expect(cancelled).rejects.toThrow('cancelled by the operator');
    expect(await store.head('k')).toBeUndefined();
    await rm(lock);
    await waiting;
    expect(await textOf(store, 'k')).toBe('patient');
  });

  test('keeps no versions', async () => {
    await store.put('k', 'x');
    expect(await codeOf(store.get('k', { versionId: '1' }))).toBe('BAD_PARAMS');
    expect(store.capabilities).toEqual({ localFiles: true, versions: false });
  });
});

/** Where the lock of a key is, in a folder that exists. */
async function lockFileOf(store: ObjectStore, root: string, key: string): Promise<string> {
  await store.put(key, 'x');
  await store.delete(key);
  return join(root, '.millrace-tmp', 'locks', `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.lock`);
}

describeWithServer('the S3 store with a gateway', locateVersityGateway, () => {
  let gateway: VersityGateway;
  let proxy: TcpProxy;
  let options: ReturnType<typeof optionsFor>;
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
    options = optionsFor(gateway, 'lake');
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

    const scratch = await temporaryFolder();
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

describe('the S3 store with answers that a gateway does not give', () => {
  let server: HttpServer;
  const credentials = { accessKeyId: 'id', secretAccessKey: 'the secret key' };
  const open = (changes: Partial<S3StoreOptions> = {}): ObjectStore =>
    createS3Store({ bucket: 'b', region: 'eu-central-1', endpoint: server.url, forcePathStyle: true, credentials, ...changes });
  const answerError = (status: number, code: string, more = ''): void =>
    server.answer((_call, response) => {
      const xml = `<Error><Code>${code}</Code><Message>the message</Message>${more}</Error>`;
      response.writeHead(status, { 'content-type': 'application/xml' }).end(xml);
    });

  beforeAll(async () => {
    server = await startHttpServer((_call, response) => void response.end());
  });
  afterAll(() => server?.stop());

  test.each([
    [503, 'SlowDown', 'STORE_UNAVAILABLE'],
    [500, 'InternalError', 'STORE_UNAVAILABLE'],
    [400, 'RequestTimeout', 'STORE_UNAVAILABLE'],
    [409, 'OperationAborted', 'STORE_UNAVAILABLE'],
    [403, 'RequestTimeTooSkewed', 'STORE_FORBIDDEN'],
    [400, 'ExpiredToken', 'STORE_FORBIDDEN'],
    [403, 'SomethingNew', 'STORE_FORBIDDEN'],
    [409, 'ConditionalRequestConflict', 'OBJECT_CHANGED'],
    [301, 'PermanentRedirect', 'CONNECTION_MALFORMED'],
    [400, 'InvalidArgument', 'BAD_PARAMS'],
    [501, 'NotImplemented', 'BAD_PARAMS'],
  ])('HTTP %i %s becomes %s', async (status, code, expected) => {
    answerError(status, code);
    expect(await codeOf(open({ maxAttempts: 1 }).put('k', 'x'))).toBe(expected);
  });

  test('tries a request again that the store was too busy for', async () => {
    const before = server.calls.length;
    answerError(503, 'SlowDown');
    expect(await codeOf(open().delete('k'))).toBe('STORE_UNAVAILABLE');
    expect(server.calls.length - before).toBe(3);
  });

  test('does not repeat a session token that the store’s answer holds', async () => {
    answerError(400, 'ExpiredToken', '<Token-0>the session token</Token-0>');
    const withToken = { ...credentials, sessionToken: 'the session token' };
    const error: unknown = await open({ credentials: withToken }).get('k').catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'STORE_FORBIDDEN' });
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.toMatch(/the session token|the secret key/);
  });

  test('refuses to copy more than S3 copies, and says what to do', async () => {
    server.answer((_call, response) => void response.writeHead(200, { 'content-length': String(6 * 1024 ** 3), etag: '"e"' }).end());
    await expect(open().copy('huge', 'to')).rejects.toMatchObject({ code: 'BAD_PARAMS', message: expect.stringContaining('5 GiB') as string });
  });

  test('fails a deletePrefix when the store kept one of the objects', async () => {
    server.answer((call, response) => {
      const contents = ['a/1', 'a/2'].map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`);
      const listing = `<ListBucketResult>${contents.join('')}</ListBucketResult>`;
      const result = '<DeleteResult><Error><Key>a/2</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>';
      response.writeHead(200, { 'content-type': 'application/xml' }).end(call.method === 'GET' ? listing : result);
    });
    await expect(open().deletePrefix('a/')).rejects.toMatchObject({ code: 'STORE_FORBIDDEN', message: expect.stringContaining('s3://b/a/2') as string });
  });

  test('reads and deletes keys of other tools that Millrace would not write', async () => {
    server.answer((_call, response) => void response.writeHead(200, { 'content-length': '1', etag: '"e"' }).end('x'));
    for (const key of ['a//b', '/a', 'folder/', 'back\\slash']) {
      expect(await textOf(open(), key)).toBe('x');
      expect(open().keyOf(open().uri(key))).toBe(key);
    }
  });

  test('waits for a sensor’s object in a bucket that may not be listed', async () => {
    server.answer((call, response) => {
      if (call.method === 'HEAD') response.writeHead(404).end();
      else response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
    });
    expect(await open().head('k')).toBeUndefined();
  });

  test.each([
    { bucket: '' },
    { bucket: 'a/b' },
    { region: '' },
    { endpoint: 'localhost:9000' },
    { endpoint: 'http://user:the-password@localhost:9000' },
  ])('refuses settings that cannot work, without their values: %j', (changes) => {
    const opening = (): ObjectStore => open(changes);
    expect(opening).toThrow(expect.objectContaining({ code: 'CONNECTION_MALFORMED' }));
    expect(opening).not.toThrow(/the-password/);
  });
});
