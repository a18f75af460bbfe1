import pMap from 'p-map';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../src/object-store/object-store.js';
import { listMatching, type WildcardOptions } from '../../src/object-store/wildcards.js';
import type { StartedStore } from '../support/object-stores.js';

/** More than S3 lists in one answer. */
const MANY = 1003;

const name = (index: number): string => `many/data_${String(index).padStart(4, '0')}.csv`;

/** What `listMatching` finds, over any object store. */
export function wildcardsContract(adapter: string, start: () => Promise<StartedStore>): void {
  describe(`wildcards over ${adapter}`, () => {
    let started: StartedStore;
    let store: ObjectStore;

    beforeAll(async () => {
      started = await start();
      store = started.store;
      const keys = ['incoming/data_1.csv', 'incoming/data_2.csv', 'incoming/data_2.csv.part', 'incoming/archive/data_1.csv', 'incoming/data_old/1.csv', 'incoming-2/data_3.csv'];
      for (const key of keys) await store.put(key, key);
    });
    afterAll(() => started.stop());

    async function found(pattern: string, options: WildcardOptions = {}, over = store): Promise<string[]> {
      const keys: string[] = [];
      for await (const { key } of listMatching(over, pattern, options)) keys.push(key);
      return keys;
    }

    test('find the keys that match, in their order', async () => {
      expect(await found('incoming/data_*.csv')).toEqual(['incoming/data_1.csv', 'incoming/data_2.csv']);
      expect(await found('incoming/data_[!1].csv')).toEqual(['incoming/data_2.csv']);
      expect(await found('incoming/none_*.csv')).toEqual([]);
    });

    test('cross folders only when asked', async () => {
      expect(await found('incoming/*.csv')).toEqual(['incoming/data_1.csv', 'incoming/data_2.csv']);
      expect(await found('incoming/*.csv', { crossFolders: true })).toEqual(['incoming/archive/data_1.csv', 'incoming/data_1.csv', 'incoming/data_2.csv', 'incoming/data_old/1.csv']);
    });

    test('find a key without wildcards, and no key that merely begins with it', async () => {
      expect(await found('incoming/data_2.csv')).toEqual(['incoming/data_2.csv']);
      expect(await found('incoming/data_')).toEqual([]);
    });

    test('list nothing but what begins with the literal text before the first wildcard', async () => {
      const listed: string[] = [];
      const watched: ObjectStore = { ...store, list: (prefix, options) => (listed.push(prefix), store.list(prefix, options)) };
      await found('incoming/data_*.csv', {}, watched);
      await found('incoming/data_[0-9].csv', { crossFolders: true }, watched);
      expect(listed).toEqual(['incoming/data_', 'incoming/data_']);
    });

    test(`find all of ${MANY} keys, each once`, async () => {
      await pMap(Array.from({ length: MANY }, (_, index) => name(index)), (key) => store.put(key, 'x'), { concurrency: 16 });
      expect(await found('many/data_*.csv')).toEqual(Array.from({ length: MANY }, (_, index) => name(index)));
    }, 120_000);
  });
}
