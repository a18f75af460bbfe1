import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../src/object-store/object-store.js';
import { createS3Store } from '../../src/object-store/s3.js';
import type { S3StoreOptions } from '../../src/object-store/s3-client.js';
import { codeOf, textOf } from '../contracts/object-store.contract.js';
import { startHttpServer, type HttpServer } from '../servers/http.js';

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
