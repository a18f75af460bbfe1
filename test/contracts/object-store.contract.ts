import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isMillraceError } from '../../src/errors.js';
import type { ObjectInfo, ObjectStore } from '../../src/object-store/object-store.js';

export interface ObjectStoreUnderTest {
  store: ObjectStore;
  /** Names of what unfinished puts have left where the store keeps its parts. */
  leftovers(): Promise<string[]>;
  stop(): Promise<void>;
}

const MB = 1024 * 1024;
const AWKWARD_KEYS = [
  'with space',
  'plus+sign',
  '100%',
  '%2F',
  '%C3%BC',
  'Größe/日本/🚲.csv',
  'a?b#c&d=e',
  `quote'"`,
  '~!@$^()[]{};,.csv',
  '.hidden',
  '..dots',
  'colon:semi',
];
const BAD_KEYS = ['', '/a', 'a/', 'a//b', '.', '..', '../a', 'a/../b', 'a/./b', 'a\\..\\b', 'a\0b', 'a\nb', '\ud800', 'k'.repeat(1025)];

/** Twenty blocks that differ, made only when they are asked for. */
function bigStream(): Readable {
  return Readable.from(bigBlocks(), { objectMode: false });
}
function* bigBlocks(): Generator<Buffer> {
  for (let block = 0; block < 20; block += 1) yield Buffer.alloc(MB, `block ${block} `);
}
const BIG_DIGEST = digest([...bigBlocks()]);

function digest(chunks: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

/** Delivers `bytes`, then does what it is told: breaks, is closed, or delivers nothing more. */
export function brokenStream(bytes: number, end: 'error' | 'close' | 'silence'): Readable {
  let left = bytes;
  return new Readable({
    read(size) {
      if (left > 0) {
        const length = Math.min(left, size);
        left -= length;
        this.push(Buffer.alloc(length, 'x'));
        return;
      }
      this.emit('drained');
      if (end === 'error') this.destroy(new Error('the source broke'));
      if (end === 'close') this.destroy();
    },
  });
}

export async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

export async function textOf(store: ObjectStore, key: string, options?: Parameters<ObjectStore['get']>[1]): Promise<string> {
  const { body } = await store.get(key, options);
  return Buffer.concat((await body.toArray()) as Buffer[]).toString();
}

export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'no error';
  } catch (error) {
    return isMillraceError(error) ? error.code : String(error);
  }
}

function inByteOrder(keys: readonly string[]): string[] {
  return keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** What every object store promises; see `src/object-store/object-store.ts`. */
export function objectStoreContract(label: string, make: () => Promise<ObjectStoreUnderTest>): void {
  describe(`the object store ${label}`, () => {
    let underTest: ObjectStoreUnderTest;
    let store: ObjectStore;
    let scratch: string;
    /** A folder of its own for every test. */
    let at: string;

    beforeAll(async () => {
      underTest = await make();
      store = underTest.store;
      scratch = await mkdtemp(join(tmpdir(), 'millrace-scratch-'));
    });
    beforeEach(() => {
      at = `t-${randomUUID()}`;
    });
    afterAll(async () => {
      await underTest?.stop();
      if (scratch) await rm(scratch, { recursive: true, force: true });
    });

    describe('put, get and head', () => {
      test('give back text, bytes and streams as they came, with their length', async () => {
        const bodies = { text: 'Größe\r\n', bytes: Buffer.from([0, 255, 10, 13]), stream: Readable.from(['ab', 'c'], { objectMode: true }) };
        for (const [name, body] of Object.entries(bodies)) await store.put(`${at}/${name}`, body);
        expect(await textOf(store, `${at}/text`)).toBe('Größe\r\n');
        expect((await (await store.get(`${at}/bytes`)).body.toArray())).toEqual([Buffer.from([0, 255, 10, 13])]);
        expect(await textOf(store, `${at}/stream`)).toBe('abc');
        expect(await store.head(`${at}/text`)).toMatchObject({ key: `${at}/text`, bytes: 9 });
      });

      test('keep an empty object, from text and from a stream', async () => {
        await store.put(`${at}/text`, '');
        const { bytes } = await store.put(`${at}/stream`, Readable.from([]));
        expect(bytes).toBe(0);
        expect(await textOf(store, `${at}/text`)).toBe('');
        expect(await textOf(store, `${at}/stream`)).toBe('');
        expect(await keysOf(store, `${at}/`)).toEqual([`${at}/stream`, `${at}/text`]);
      });

      test('agree on etag, length and roughly on the time, in put, head, get and list', async () => {
        const put = await store.put(`${at}/k`, 'content');
        const { value: listed } = await store.list(at)[Symbol.asyncIterator]().next();
        for (const info of [await store.head(`${at}/k`), (await store.get(`${at}/k`)).info, listed as ObjectInfo]) {
          expect(info).toMatchObject({ key: put.key, bytes: 7, etag: put.etag });
          expect(Math.abs((info?.modifiedAt.getTime() ?? 0) - Date.now())).toBeLessThan(20_000);
        }
      });

      test('carry 20 MB of a stream unchanged, in and out', async () => {
        const info = await store.put(`${at}/big`, bigStream());
        expect(info.bytes).toBe(20 * MB);
        expect(digest((await (await store.get(`${at}/big`)).body.toArray()) as Buffer[])).toBe(BIG_DIGEST);
        expect(await underTest.leftovers()).toEqual([]);
      });

      test('say that an object is missing: head with undefined, get with OBJECT_MISSING, also for a folder', async () => {
        await store.put(`${at}/folder/object`, 'x');
        expect(await store.head(`${at}/nothing`)).toBeUndefined();
        expect(await store.head(`${at}/folder`)).toBeUndefined();
        for (const key of [`${at}/nothing`, `${at}/folder`, `${at}/no/such/folder`]) {
          await expect(store.get(key)).rejects.toMatchObject({ code: 'OBJECT_MISSING', message: expect.stringContaining(key) as string });
          await expect(store.localFile(key, scratch)).rejects.toMatchObject({ code: 'OBJECT_MISSING' });
        }
      });

      test('change the etag with every replacement, also within one millisecond and at the same length', async () => {
        const etags: string[] = [];
        for (let i = 0; i < 60; i += 1) etags.push((await store.put(`${at}/k`, `content ${String(i).padStart(3, '0')}`)).etag);
        expect(new Set(etags).size).toBe(60);
        expect((await store.head(`${at}/k`))?.etag).toBe(etags.at(-1));
      });

      test('show a reader the old content or the new one as a whole, never a mix', async () => {
        await store.put(`${at}/k`, Buffer.alloc(MB, 'a'));
        const writer = (async () => {
          for (const letter of 'bcdefghij') await store.put(`${at}/k`, Buffer.alloc(MB, letter));
        })();
        let text = '';
        while (!text.startsWith('j')) {
          text = await textOf(store, `${at}/k`);
          expect(text.length).toBe(MB);
          expect(text === text.charAt(0).repeat(MB)).toBe(true);
        }
        await writer;
        expect(await textOf(store, `${at}/k`)).toBe('j'.repeat(MB));
      });
    });

    describe('keys', () => {
      test('may hold spaces, plus and percent signs, Unicode and punctuation, through every verb', async () => {
        for (const name of AWKWARD_KEYS) {
          const key = `${at}/${name}`;
          await store.put(key, name);
          expect(await textOf(store, key)).toBe(name);
          expect(store.keyOf(store.uri(key))).toBe(key);
          expect(await readFile(await store.localFile(key, scratch), 'utf8')).toBe(name);
          await store.copy(key, `${key}.copy`);
          expect(await textOf(store, `${key}.copy`)).toBe(name);
          await store.delete(`${key}.copy`);
        }
        expect(await keysOf(store, `${at}/`)).toEqual(inByteOrder(AWKWARD_KEYS.map((name) => `${at}/${name}`)));
        expect(await store.deletePrefix(`${at}/`)).toBe(AWKWARD_KEYS.length);
      });

      test.each(BAD_KEYS)('are refused before anything is written: %j', async (key) => {
        const before = await underTest.leftovers();
        expect(await codeOf(store.put(key, 'x'))).toBe('BAD_PARAMS');
        await store.put(`${at}/k`, 'x');
        expect(await codeOf(store.copy(`${at}/k`, key))).toBe('BAD_PARAMS');
        // A store where other tools write may look for it, and then there is none.
        expect(['BAD_PARAMS', 'OBJECT_MISSING']).toContain(await codeOf(store.get(key)));
        expect(['BAD_PARAMS', 'OBJECT_MISSING']).toContain(await codeOf(store.localFile(key, scratch)));
        expect(await underTest.leftovers()).toEqual(before);
      });

      test('of another place are not taken from an address', () => {
        for (const address of ['', 'file:///etc/passwd', 's3://elsewhere/k', `${store.uri('a')}/../../../b`, 'not an address']) {
          expect(() => store.keyOf(address)).toThrow(expect.objectContaining({ code: 'BAD_PARAMS' }));
        }
      });

      test('are free again when the objects below them have been deleted', async () => {
        await store.put(`${at}/a/b/c`, 'x');
        await store.delete(`${at}/a/b/c`);
        await store.put(`${at}/a`, 'now an object');
        expect(await textOf(store, `${at}/a`)).toBe('now an object');
      });
    });

    describe('list', () => {
      test('pages through 2,500 keys in the order of their bytes, and deletePrefix takes them all', async () => {
        const keys = Array.from({ length: 2500 }, (_, i) => `${at}/${['a', 'a-b', 'a.c', 'a0', 'ä', 'z'][i % 6]}/${i % 7}/${i}`);
        const waiting = [...keys];
        const worker = async (): Promise<void> => {
          for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) await store.put(key, key);
        };
        await Promise.all(Array.from({ length: 16 }, worker));
        expect(await keysOf(store, `${at}/`)).toEqual(inByteOrder(keys));
        expect(await store.deletePrefix(`${at}/`)).toBe(2500);
        expect(await keysOf(store, at)).toEqual([]);
      }, 60_000);

      test('takes any beginning of a key as prefix, not only a folder', async () => {
        for (const name of ['data_1.csv', 'data_2.csv', 'data/x.csv', 'date.csv', 'DATA.csv']) await store.put(`${at}/${name}`, name);
        expect(await keysOf(store, `${at}/data`)).toEqual(['data/x.csv', 'data_1.csv', 'data_2.csv'].map((name) => `${at}/${name}`));
        expect(await keysOf(store, `${at}/data_`)).toEqual([`${at}/data_1.csv`, `${at}/data_2.csv`]);
        expect(await keysOf(store, `${at}/data/`)).toEqual([`${at}/data/x.csv`]);
        expect(await keysOf(store, `${at}/data_1.csv`)).toEqual([`${at}/data_1.csv`]);
        expect(await keysOf(store, `${at}/nothing/here`)).toEqual([]);
        expect(await keysOf(store, '')).toEqual(expect.arrayContaining([`${at}/DATA.csv`]));
      });

      test('stops with the reason of an abort', async () => {
        for (let i = 0; i < 3; i += 1) await store.put(`${at}/${i}`, 'x');
        const controller = new AbortController();
        controller.abort(new Error('cancelled by the operator'));
        await expect(store.list(at, { signal: controller.signal })[Symbol.asyncIterator]().next()).rejects.toThrow('cancelled by the operator');
      });
    });

    describe('conditions', () => {
      test('let exactly one of many puts create an object that was absent', async () => {
        const outcomes = await Promise.all(Array.from({ length: 24 }, (_, i) => codeOf(store.put(`${at}/k`, `writer ${i}`, { ifAbsent: true }))));
        expect(outcomes.toSorted()).toEqual([...Array.from({ length: 23 }, () => 'OBJECT_CHANGED'), 'no error']);
        expect(await textOf(store, `${at}/k`)).toBe(`writer ${outcomes.indexOf('no error')}`);
        expect(await underTest.leftovers()).toEqual([]);
      });

      test('refuse a large stream where there is an object already, and leave nothing of it', async () => {
        await store.put(`${at}/k`, 'first');
        const message = expect.stringContaining('exists already') as string;
        await expect(store.put(`${at}/k`, bigStream(), { ifAbsent: true })).rejects.toMatchObject({ code: 'OBJECT_CHANGED', message });
        expect(await textOf(store, `${at}/k`)).toBe('first');
        expect(await underTest.leftovers()).toEqual([]);
      });

      test('refuse a put over content that somebody else has replaced or deleted, so that no update is lost', async () => {
        const first = await store.put(`${at}/k`, 'first');
        await store.put(`${at}/k`, 'second', { ifMatch: first.etag });
        expect(await codeOf(store.put(`${at}/k`, 'late', { ifMatch: first.etag }))).toBe('OBJECT_CHANGED');
        expect(await textOf(store, `${at}/k`)).toBe('second');
        await store.delete(`${at}/k`);
        expect(await codeOf(store.put(`${at}/k`, 'later', { ifMatch: first.etag }))).toBe('OBJECT_CHANGED');
        expect(await store.head(`${at}/k`)).toBeUndefined();
      });

      test('count right when several writers read, add one and write if nobody was faster', async () => {
        await store.put(`${at}/count`, '0');
        const add = async (): Promise<void> => {
          for (;;) {
            const { info, body } = await store.get(`${at}/count`);
            const count = Number(Buffer.concat((await body.toArray()) as Buffer[]));
            const outcome = await codeOf(store.put(`${at}/count`, String(count + 1), { ifMatch: info.etag }));
            if (outcome === 'no error') return;
            expect(outcome).toBe('OBJECT_CHANGED');
          }
        };
        await Promise.all(Array.from({ length: 8 }, async () => { for (let i = 0; i < 5; i += 1) await add(); }));
        expect(await textOf(store, `${at}/count`)).toBe('40');
      });

      test('fail a get, a localFile and a copy of a version that has been replaced', async () => {
        const old = await store.put(`${at}/k`, 'old one');
        const { etag } = await store.put(`${at}/k`, 'new one');
        expect(await codeOf(store.get(`${at}/k`, { ifMatch: old.etag }))).toBe('OBJECT_CHANGED');
        expect(await codeOf(store.localFile(`${at}/k`, scratch, { ifMatch: old.etag }))).toBe('OBJECT_CHANGED');
        expect(await codeOf(store.copy(`${at}/k`, `${at}/c`, { ifMatch: old.etag }))).toBe('OBJECT_CHANGED');
        expect(await store.head(`${at}/c`)).toBeUndefined();
        expect(await textOf(store, `${at}/k`, { ifMatch: etag })).toBe('new one');
        expect(await readFile(await store.localFile(`${at}/k`, scratch, { ifMatch: etag }), 'utf8')).toBe('new one');
      });

      test('cannot ask for absence and an etag at once', async () => {
        expect(await codeOf(store.put(`${at}/k`, 'x', { ifAbsent: true, ifMatch: 'e' }))).toBe('BAD_PARAMS');
      });
    });

    describe('ranges', () => {
      test('give the bytes from start to end, both included, and the length of the whole object', async () => {
        await store.put(`${at}/k`, '0123456789');
        const { info, body } = await store.get(`${at}/k`, { range: { start: 3, end: 5 } });
        expect(info.bytes).toBe(10);
        expect(Buffer.concat((await body.toArray()) as Buffer[]).toString()).toBe('345');
        expect(await textOf(store, `${at}/k`, { range: { start: 8, end: 99 } })).toBe('89');
        expect(await readFile(await store.localFile(`${at}/k`, scratch, { range: { start: 0, end: 0 } }), 'utf8')).toBe('0');
      });

      const empty = [{ start: 10, end: 12 }, { start: 3, end: 2 }, { start: -1, end: 2 }, { start: 0.5, end: 2 }];
      test.each(empty)('are refused when they hold nothing: %j', async (range) => {
        await store.put(`${at}/k`, '0123456789');
        expect(await codeOf(store.get(`${at}/k`, { range }))).toBe('BAD_PARAMS');
      });
    });

    describe('copy and delete', () => {
      test('copy replaces what was there, leaves the original, and tells a missing one', async () => {
        const original = await store.put(`${at}/from`, 'original');
        await store.put(`${at}/to`, 'replaced');
        const copy = await store.copy(`${at}/from`, `${at}/to`);
        expect(copy).toMatchObject({ key: `${at}/to`, bytes: 8, etag: (await store.head(`${at}/to`))?.etag });
        expect(await textOf(store, `${at}/to`)).toBe('original');
        expect(await store.head(`${at}/from`)).toMatchObject({ etag: original.etag });
        expect(await codeOf(store.copy(`${at}/none`, `${at}/to`))).toBe('OBJECT_MISSING');
        expect(await store.copy(`${at}/from`, `${at}/from`)).toMatchObject({ etag: original.etag });
      });

      test('delete takes what is there and is content with what is not', async () => {
        await store.put(`${at}/a/b`, 'x');
        await store.delete(`${at}/a/b`);
        await store.delete(`${at}/a/b`);
        await store.delete(`${at}/never/was`);
        expect(await store.head(`${at}/a/b`)).toBeUndefined();
      });

      test('delete of a folder’s name leaves its objects alone', async () => {
        await store.put(`${at}/a/b`, 'x');
        await store.delete(`${at}/a`);
        expect(await textOf(store, `${at}/a/b`)).toBe('x');
      });

      test('deletePrefix does not touch siblings whose names begin alike', async () => {
        for (const key of ['a/1', 'a/b/2', 'a-b/3', 'a0', 'ab']) await store.put(`${at}/${key}`, 'x');
        expect(await store.deletePrefix(`${at}/a/`)).toBe(2);
        expect(await keysOf(store, `${at}/`)).toEqual(['a-b/3', 'a0', 'ab'].map((key) => `${at}/${key}`));
        expect(await store.deletePrefix(`${at}/a/`)).toBe(0);
      });

      test.each(['', 'a', '/', '../'])('deletePrefix refuses %j, which is no folder', async (prefix) => {
        await store.put(`${at}/k`, 'x');
        expect(await codeOf(store.deletePrefix(prefix))).toBe('BAD_PARAMS');
        expect(await store.head(`${at}/k`)).toBeDefined();
      });
    });

    describe('files', () => {
      test('putFile uploads a file and leaves it, and localFile gives its content back', async () => {
        const file = join(scratch, randomUUID());
        await writeFile(file, Buffer.concat([...bigBlocks()]));
        expect(await store.putFile(`${at}/k.csv`, file)).toMatchObject({ key: `${at}/k.csv`, bytes: 20 * MB });
        expect((await stat(file)).size).toBe(20 * MB);
        const local = await store.localFile(`${at}/k.csv`, join(scratch, 'made', 'on', 'demand'));
        expect(local.endsWith('k.csv')).toBe(true);
        expect(digest([await readFile(local)])).toBe(BIG_DIGEST);
        expect(local.startsWith(scratch)).toBe(!store.capabilities.localFiles);
      });

      test('putFile heeds conditions and keeps the file that it could not put', async () => {
        const file = join(scratch, randomUUID());
        await writeFile(file, 'second');
        const { etag } = await store.put(`${at}/k`, 'first');
        expect(await codeOf(store.putFile(`${at}/k`, file, { ifAbsent: true, move: true }))).toBe('OBJECT_CHANGED');
        expect(await readFile(file, 'utf8')).toBe('second');
        await store.putFile(`${at}/k`, file, { ifMatch: etag, move: true });
        expect(await textOf(store, `${at}/k`)).toBe('second');
      });

      test('putFile says that there is no such file', async () => {
        expect(await codeOf(store.putFile(`${at}/k`, join(scratch, 'nothing')))).toBe('BAD_PARAMS');
        expect(await codeOf(store.putFile(`${at}/k`, scratch))).toBe('BAD_PARAMS');
      });
    });

    describe('a put that does not end', () => {
      test.each([100, 12 * MB])('because its stream breaks after %i bytes leaves what was there, and the stream’s own error', async (bytes) => {
        await store.put(`${at}/k`, 'before');
        await expect(store.put(`${at}/k`, brokenStream(bytes, 'error'))).rejects.toThrow('the source broke');
        await expect(store.put(`${at}/new`, brokenStream(bytes, 'error'))).rejects.toThrow('the source broke');
        expect(await textOf(store, `${at}/k`)).toBe('before');
        expect(await keysOf(store, at)).toEqual([`${at}/k`]);
        expect(await underTest.leftovers()).toEqual([]);
      });

      test.each([100, 12 * MB])('because its stream is closed after %i bytes is no shorter object but SOURCE_INCOMPLETE', async (bytes) => {
        expect(await codeOf(store.put(`${at}/k`, brokenStream(bytes, 'close')))).toBe('SOURCE_INCOMPLETE');
        expect(await store.head(`${at}/k`)).toBeUndefined();
        expect(await underTest.leftovers()).toEqual([]);
      });

      test.each([100, 20 * MB])('because it is aborted after %i bytes leaves nothing, fails with the reason and closes the stream', async (bytes) => {
        const controller = new AbortController();
        const body = brokenStream(bytes, 'silence');
        const putting = store.put(`${at}/k`, body, { signal: controller.signal });
        await once(body, 'drained');
        controller.abort(new Error('cancelled by the operator'));
        await expect(putting).rejects.toThrow('cancelled by the operator');
        expect(body.destroyed).toBe(true);
        expect(await store.head(`${at}/k`)).toBeUndefined();
        expect(await underTest.leftovers()).toEqual([]);
      });

      test('because it was aborted before it began sends nothing', async () => {
        const signal = AbortSignal.abort(new Error('cancelled by the operator'));
        const body = bigStream();
        for (const content of ['text', body]) await expect(store.put(`${at}/k`, content, { signal })).rejects.toThrow('cancelled by the operator');
        expect(body.destroyed).toBe(true);
        expect(await store.head(`${at}/k`)).toBeUndefined();
      });
    });

    describe('a get', () => {
      test('that is aborted fails for its consumer with the reason', async () => {
        await store.put(`${at}/k`, bigStream());
        const controller = new AbortController();
        const { body } = await store.get(`${at}/k`, { signal: controller.signal });
        const reading = (async () => {
          for await (const chunk of body) if ((chunk as Buffer).length > 0) controller.abort(new Error('cancelled by the operator'));
        })();
        await expect(reading).rejects.toThrow('cancelled by the operator');
        expect(await codeOf(store.localFile(`${at}/k`, scratch, { signal: controller.signal }))).toBe('Error: cancelled by the operator');
      });

      test('whose body is not read to its end can be let go', async () => {
        await store.put(`${at}/k`, bigStream());
        for (let i = 0; i < 100; i += 1) {
          const { body } = await store.get(`${at}/k`);
          body.destroy();
        }
        expect(await store.head(`${at}/k`)).toBeDefined();
      });
    });

    test('check says in a sentence that the store works, and leaves nothing behind', async () => {
      expect(await store.check()).toMatch(/can be read and written/);
      expect(await keysOf(store, '.millrace-check')).toEqual([]);
    });
  });
}
