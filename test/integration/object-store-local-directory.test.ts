import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLocalDirectoryStore } from '../../src/object-store/local-directory.js';
import type { ObjectStore } from '../../src/object-store/object-store.js';
import { codeOf, keysOf, textOf } from '../contracts/object-store.contract.js';

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
}

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
    root = await mkdtemp(join(tmpdir(), 'millrace-store-'));
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
