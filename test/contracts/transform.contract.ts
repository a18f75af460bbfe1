import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { TransformResult } from '../../lambda/transform/event.js';
import { OUTPUT_COLUMNS } from '../../lambda/transform/retail-rules.js';
import { createTransform } from '../../lambda/transform/transform.js';
import type { FunctionHandler } from '../../src/functions/in-process.js';
import type { ObjectInfo, ObjectStore } from '../../src/object-store/object-store.js';
import type { StartedStore } from '../support/object-stores.js';

export const RETAIL_HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country';
const LINE = '536365,85123A,"HEART, 12"" WIDE",6,2010-12-01 08:26:00,2.550,17850.0,United Kingdom';

/** The transform function over any object store. */
export function transformContract(adapter: string, start: () => Promise<StartedStore>): void {
  describe(`the transform function over ${adapter}`, () => {
    let started: StartedStore;
    let store: ObjectStore;
    let transform: FunctionHandler;
    let attempts = 0;
    let key: string;

    beforeAll(async () => {
      started = await start();
      store = started.store;
    });
    afterAll(() => started.stop());
    beforeEach(({ task }) => {
      key = `incoming/data_${task.id}.csv`;
      transform = createTransform((uri) => ({ store, key: store.keyOf(uri) }));
    });

    const put = (text: string | Buffer): Promise<ObjectInfo> => store.put(key, text);
    const output = (): string => `out/${key.slice(key.lastIndexOf('_') + 1, -4)}`;
    const invoke = (source: ObjectInfo, { idempotencyKey = 'run-1', signal = new AbortController().signal } = {}): Promise<TransformResult> =>
      transform(
        { source: { uri: store.uri(source.key), etag: source.etag }, output: store.uri(output()), idempotencyKey },
        { requestId: `attempt-${(attempts += 1)}`, signal },
      ) as Promise<TransformResult>;

    async function text(file: { uri: string } | undefined): Promise<string> {
      const { body } = await store.get(store.keyOf(file!.uri));
      const bytes = await buffer(body);
      return (file!.uri.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
    }

    async function keysBelow(prefix: string): Promise<string[]> {
      const keys: string[] = [];
      for await (const object of store.list(`${prefix}/`)) keys.push(object.key);
      return keys;
    }

    test('writes the lines that can be used, and the others with line, reason and text; read = written + rejected', async () => {
      const source = await put(`${RETAIL_HEADER}\r\n${LINE}\r\n536366,22633,WARMER,x,2010-12-01 08:28:00,1.85,,\r\n536367,22633,5" WARMER,1,2010-12-01 08:28:00,1.85,,\r\n536368,1,2\r\n536369,22633,,1,2010-12-01T08:28:00+02:00,1.85,,\r\n`);
      const result = await invoke(source);
      expect(result).toMatchObject({
        rows: { read: 5, written: 2, rejected: 3 },
        rejectedByReason: { bad_quantity: 1, bad_quotes: 1, wrong_columns: 1 },
        source: { uri: store.uri(key), etag: source.etag },
        repeated: false,
      });
      const file = store.uri(key);
      expect(await text(result.output)).toBe(
        [
          OUTPUT_COLUMNS.join(','),
          `${file},2,536365,85123A,"HEART, 12"" WIDE",6,2010-12-01 08:26:00,2.55,false,17850,United Kingdom`,
          `${file},6,536369,22633,,1,2010-12-01 06:28:00,1.85,false,GUEST,`,
          '',
        ].join('\n'),
      );
      const rejects = (await text(result.rejects)).trim().split('\n').map((reject) => JSON.parse(reject) as unknown);
      expect(rejects).toEqual([
        { line: 3, reason: 'bad_quantity', raw: '536366,22633,WARMER,x,2010-12-01 08:28:00,1.85,,' },
        { line: 4, reason: 'bad_quotes', raw: '536367,22633,5" WARMER,1,2010-12-01 08:28:00,1.85,,' },
        { line: 5, reason: 'wrong_columns', raw: '536368,1,2' },
      ]);
    });

    test('takes columns in any order, ignores others, and writes no rejects file where nothing is rejected', async () => {
      const source = await put('Country,Extra,InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\nEIRE,x,C1,a,b,-1,2010-12-01,3,7\n');
      const result = await invoke(source);
      expect(result).not.toHaveProperty('rejects');
      expect((await text(result.output)).split('\n')[1]).toBe(`${store.uri(key)},2,C1,A,b,-1,2010-12-01 00:00:00,3,true,7,EIRE`);
    });

    test('reads gzip, whatever the file is called', async () => {
      const [plain, packed] = [await invoke(await put(`${RETAIL_HEADER}\n${LINE}\nbroken\n`)), await invoke(await put(gzipSync(`${RETAIL_HEADER}\n${LINE}\nbroken\n`)), { idempotencyKey: 'packed' })];
      expect(packed).toMatchObject({ rows: { read: 2, written: 1, rejected: 1 }, rejectedByReason: plain.rejectedByReason });
      expect(await text(packed.output)).toBe(await text(plain.output));
    });

    test('has one effect when it is invoked again with the same key', async () => {
      const source = await put(`${RETAIL_HEADER}\n${LINE}\n`);
      const first = await invoke(source);
      const before = await keysBelow(output());
      expect(await invoke(source)).toEqual({ ...first, repeated: true });
      expect(await keysBelow(output())).toEqual(before);
    });

    test('has one effect when it is invoked twice at the same time: one result, one set of files', async () => {
      const source = await put(`${RETAIL_HEADER}\n${LINE}\n`);
      const results = await Promise.all([invoke(source), invoke(source), invoke(source)]);
      expect(results.filter(({ repeated }) => !repeated)).toHaveLength(1);
      expect(new Set(results.map((result) => result.output.uri)).size).toBe(1);
      expect(await keysBelow(output())).toEqual([expect.stringMatching(/attempt-\d+\.csv\.gz$/), expect.stringMatching(/result\.json$/)]);
      expect(await text(results[0].output)).toContain('536365');
    });

    test('refuses an idempotency key that was used for another version of the file', async () => {
      await invoke(await put(`${RETAIL_HEADER}\n${LINE}\n`));
      const replaced = await put(`${RETAIL_HEADER}\n${LINE}\n${LINE}\n`);
      await expect(invoke(replaced)).rejects.toMatchObject({ code: 'BAD_PARAMS', message: expect.stringContaining('was used for') as string });
      expect((await invoke(replaced, { idempotencyKey: 'run-2' })).rows.read).toBe(2);
    });

    test('does not read a file that was replaced after it had been sensed', async () => {
      const sensed = await put(`${RETAIL_HEADER}\n${LINE}\n`);
      await put(`${RETAIL_HEADER}\n${LINE}\n${LINE}\n`);
      await expect(invoke(sensed)).rejects.toMatchObject({ code: 'OBJECT_CHANGED' });
      expect(await keysBelow(output())).toEqual([]);
    });

    test.each([
      ['an empty file', '', 'SOURCE_EMPTY'],
      ['a file without the columns', 'a,b\n1,2\n', 'SOURCE_MALFORMED'],
      ['a file that is no text', Buffer.from([0x89, 0x50, 0x4e, 0x47]), 'SOURCE_MALFORMED'],
      ['half of a gzip file', gzipSync(`${RETAIL_HEADER}\n${LINE}\n`).subarray(0, -20), 'SOURCE_INCOMPLETE'],
      ['a damaged gzip file', Buffer.concat([gzipSync(`${RETAIL_HEADER}\n`).subarray(0, 10), Buffer.alloc(100, 0xff)]), 'SOURCE_MALFORMED'],
    ])('refuses %s and leaves nothing behind', async (_, content, code) => {
      const source = await put(content);
      await expect(invoke(source)).rejects.toMatchObject({ code, message: expect.stringContaining(store.uri(key)) as string });
      expect(await keysBelow(output())).toEqual([]);
    });

    test('leaves nothing behind when it is stopped in the middle', async () => {
      const source = await put(`${RETAIL_HEADER}\n${`${LINE}\nbroken\n`.repeat(50_000)}`);
      const stopping = new AbortController();
      const real = store;
      transform = createTransform((uri) => ({
        key: real.keyOf(uri),
        store: {
          ...real,
          async get(wanted, options) {
            const got = await real.get(wanted, options);
            if (wanted === key) got.body.once('data', () => setImmediate(() => stopping.abort(new Error('nobody waits'))));
            return got;
          },
        },
      }));
      await expect(invoke(source, { signal: stopping.signal })).rejects.toThrow('nobody waits');
      expect(await keysBelow(output())).toEqual([]);
      transform = createTransform((uri) => ({ store: real, key: real.keyOf(uri) }));
      expect((await invoke(source)).rows).toEqual({ read: 100_000, written: 50_000, rejected: 50_000 });
    });

    test('says everything that is wrong with an event', async () => {
      const wrong = transform({ source: { uri: '' }, output: store.uri('out'), idempotencyKey: '../x' }, { requestId: 'r', signal: new AbortController().signal });
      await expect(wrong).rejects.toMatchObject({ code: 'BAD_PARAMS', message: expect.stringMatching(/source\.uri.*source\.etag.*idempotencyKey/) as string });
    });
  });
}
