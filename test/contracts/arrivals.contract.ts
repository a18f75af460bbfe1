import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { arrivedFiles } from '../../activities/s3-etl/arrived-files.js';
import { createFindArrivals } from '../../activities/s3-etl/find-arrivals.js';
import { createMarkProcessed } from '../../activities/s3-etl/mark-processed.js';
import { createNoteMetadata } from '../../activities/s3-etl/note-metadata.js';
import { createTransformFile } from '../../activities/s3-etl/transform-file.js';
import { createTransform } from '../../lambda/transform/transform.js';
import type { Arrivals, ArrivalRequest, ArrivedFile } from '../../src/arrivals/arrivals.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import { isMillraceError } from '../../src/errors.js';
import { createInProcessFunction } from '../../src/functions/in-process.js';
import type { ObjectStore } from '../../src/object-store/object-store.js';
import { createDuckDBWarehouse } from '../../src/warehouse/duckdb.js';
import type { Warehouse } from '../../src/warehouse/warehouse.js';
import { dependenciesOf } from '../support/activity-dependencies.js';
import type { StartedStore } from '../support/object-stores.js';

const LINES = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n1,A,"two\nlines",1,2010-12-01,2,3,EIRE\n2,B,x,1,2010-12-01,2,3,EIRE\n';

/** The steps around arriving files, over any object store. */
export function arrivalsContract(adapter: string, start: () => Promise<StartedStore>): void {
  describe(`arrivals in ${adapter}`, () => {
    let started: StartedStore;
    let store: ObjectStore;
    let folder: string;
    let warehouse: Warehouse;
    let interval: DataInterval;
    let where: string;
    let steps: ReturnType<typeof stepsOf>;

    beforeAll(async () => {
      started = await start();
      store = started.store;
      folder = await mkdtemp(join(tmpdir(), 'millrace-arrivals-'));
      warehouse = createDuckDBWarehouse({ path: join(folder, 'warehouse.duckdb'), limits: { memoryLimit: '128MB', threads: 1, scratchDir: folder } });
    });
    afterAll(async () => {
      await warehouse.close();
      await started.stop();
      await rm(folder, { recursive: true, force: true });
    });
    beforeEach(({ task }) => {
      where = `incoming-${task.id}`;
      interval = { pipeline: `p-${task.id}`, label: '2010-12-01', start: '2010-12-01T00:00:00.000Z', end: '2010-12-02T00:00:00.000Z', run: 'run-1', generation: 1 };
      steps = stepsOf(store, warehouse);
    });

    const put = async (name: string, text = LINES): Promise<void> => void (await store.put(`${where}/${name}`, text));
    const look = (request: Partial<ArrivalRequest> = {}, heartbeatDetails?: unknown): Promise<Arrivals> =>
      steps.findArrivals({ pattern: `${where}/data_*.csv`, ...request }, interval, heartbeatDetails);
    const names = ({ files }: Arrivals): string[] => files.map(({ key }) => key.slice(where.length + 1));
    const notYet = (message: string): unknown => expect.objectContaining({ type: 'NOT_YET', message: expect.stringContaining(message) as string });

    test('are not there as long as nothing matches', async () => {
      await put('data_1.csv.part');
      await put('archive/data_1.csv');
      await expect(look()).rejects.toEqual(notYet('nothing matches'));
    });

    test('are all files that match, in the order of their keys, as the versions that they are', async () => {
      for (const name of ['data_2.csv', 'data_10.csv', 'data_1.csv']) await put(name);
      const found = await look();
      expect(names(found)).toEqual(['data_1.csv', 'data_10.csv', 'data_2.csv']);
      expect(found).toMatchObject({ count: 3, bytes: 3 * LINES.length, left: 0 });
      const head = await store.head(`${where}/data_1.csv`);
      expect(found.files[0]).toEqual({
        uri: store.uri(`${where}/data_1.csv`),
        key: `${where}/data_1.csv`,
        size: LINES.length,
        etag: head!.etag,
        ...(store.capabilities.versions ? { versionId: head!.versionId } : {}),
        lastModified: head!.modifiedAt.toISOString(),
      });
    });

    test('are up to the limit the first ones, and the others are left to the next run', async () => {
      for (const name of ['data_1.csv', 'data_2.csv', 'data_3.csv']) await put(name);
      const first = await look({ limit: 2 });
      expect([names(first), first.left]).toEqual([['data_1.csv', 'data_2.csv'], 1]);
      await steps.markProcessed(first.files, interval);
      expect(names(await look({ limit: 2 }))).toEqual(['data_3.csv']);
    });

    test('are not taken again by a later run; a file that was replaced is', async () => {
      for (const name of ['data_1.csv', 'data_2.csv']) await put(name);
      await steps.markProcessed((await look()).files, interval);
      await expect(look()).rejects.toEqual(notYet('all 2 files'));
      await put('data_2.csv', `${LINES}3,C,y,1,2010-12-01,2,3,EIRE\n`);
      expect(names(await look())).toEqual(['data_2.csv']);
      interval = { ...interval, pipeline: 'another-pipeline' };
      expect(names(await look())).toEqual(['data_1.csv', 'data_2.csv']);
    });

    test('are marked once, however often the step runs, and with the reason when they were set aside', async () => {
      await put('data_1.csv');
      const { files } = await look();
      await steps.markProcessed(files, interval);
      await steps.markProcessed(files, interval, { status: 'set-aside', reason: 'no columns' });
      const { rows } = await warehouse.query(`SELECT file_key, status, reason, run FROM millrace_files WHERE pipeline = '${interval.pipeline}'`);
      expect(rows).toEqual([[`${where}/data_1.csv`, 'set-aside', 'no columns', 'run-1']]);
    });

    test('wait for their marker, and those that are newer than it for the next one', async () => {
      const ready = { marker: `${where}/data_done.csv` };
      await put('data_1.csv');
      await expect(look({ ready })).rejects.toEqual(notYet('their marker'));
      await put('data_done.csv', '');
      const found = await look({ ready });
      expect(names(found)).toEqual(['data_1.csv']);
      await steps.markProcessed(found.files, interval);
      // S3 tells times in seconds.
      await expect.poll(async () => (await store.put(`${where}/data_2.csv`, LINES), (await store.head(`${where}/data_2.csv`))!.modifiedAt > (await store.head(ready.marker))!.modifiedAt), { timeout: 10_000, interval: 250 }).toBe(true);
      await expect(look({ ready })).rejects.toEqual(notYet('is older than'));
      await put('data_done.csv', '');
      expect(names(await look({ ready }))).toEqual(['data_2.csv']);
    });

    test('wait for every file of their manifest, as large as it says, and are these files only', async () => {
      const manifest = `${where}/manifest.json`;
      const entries = [
        { url: store.uri(`${where}/data_1.csv`), mandatory: true, meta: { content_length: LINES.length } },
        { url: store.uri(`${where}/data_2.csv`), mandatory: true },
      ];
      await put('data_1.csv', LINES.slice(0, 50));
      await put('data_3.csv');
      await expect(look({ ready: { manifest } })).rejects.toEqual(notYet('manifest.json is not there'));
      await put('manifest.json', JSON.stringify({ entries }).slice(0, -5));
      await expect(look({ ready: { manifest } })).rejects.toMatchObject({ code: 'SOURCE_INCOMPLETE', retryable: true });
      await put('manifest.json', JSON.stringify({ entries }));
      await expect(look({ ready: { manifest } })).rejects.toEqual(notYet('2 of the 2 files'));
      await put('data_2.csv');
      await expect(look({ ready: { manifest } })).rejects.toEqual(notYet('1 of the 2 files'));
      await put('data_1.csv');
      expect(names(await look({ ready: { manifest } }))).toEqual(['data_1.csv', 'data_2.csv']);
      await put('manifest.json', `${where}/data_2.csv\r\n${where}/data_3.csv\r\n`);
      expect(names(await look({ ready: { manifest } }))).toEqual(['data_2.csv', 'data_3.csv']);
    });

    test('wait until there are as many new ones as are asked for', async () => {
      await put('data_1.csv');
      await steps.markProcessed((await look()).files, interval);
      await put('data_2.csv');
      await expect(look({ ready: { minimum: 2 } })).rejects.toEqual(notYet('1 of at least 2 new files'));
      await put('data_3.csv');
      expect(names(await look({ ready: { minimum: 2 } }))).toEqual(['data_2.csv', 'data_3.csv']);
    });

    test('wait until nothing has changed for the quiet period, whatever was added, replaced or removed', async () => {
      const ready = { quietSeconds: 3600 };
      await put('data_1.csv');
      await expect(look({ ready })).rejects.toEqual(notYet('of 3600 seconds'));
      const seen = steps.lastHeartbeat() as { sighting: { fingerprint: string; since: number } };
      // As if the same set had been seen for long, and its clock had said so.
      const longAgo = { sighting: { ...seen.sighting, since: 0 } };
      await put('data_2.csv');
      await expect(look({ ready }, longAgo)).rejects.toEqual(notYet('of 3600 seconds'));
      await store.delete(`${where}/data_2.csv`);
      await expect(look({ ready: { quietSeconds: 5 } }, { sighting: { fingerprint: 'another set', since: 0 } })).rejects.toEqual(notYet('unchanged for 0 of 5 seconds'));
      await expect.poll(() => look({ ready: { quietSeconds: 1 } }, longAgo).then(names, () => []), { timeout: 20_000, interval: 250 }).toEqual(['data_1.csv']);
    });

    test('that are thousands stand in the lake, and no result is too large', async () => {
      const many = Array.from({ length: 2500 }, (_, index) => ({ key: `${where}/data_${String(index).padStart(5, '0')}.csv`, bytes: 1, etag: `e${index}`, modifiedAt: new Date(0) }));
      async function* list(): AsyncGenerator<(typeof many)[number]> {
        yield* many;
      }
      steps = stepsOf({ ...store, list, head: (key) => Promise.resolve(many.find((object) => object.key === key)) }, warehouse, store);
      const found = await look();
      expect(found).toMatchObject({ files: [], count: 2500, bytes: 2500, listing: expect.stringContaining('arrivals.json') as string });
      const listed = await arrivedFiles(store, found, new AbortController().signal, { from: 1, to: 3 });
      expect(listed.map(({ key }) => key)).toEqual([many[1]!.key, many[2]!.key]);
    });

    test('are refused conditions that can never hold', async () => {
      await expect(look({ limit: 0, ready: { minimum: -1, quietSeconds: -1 } })).rejects.toMatchObject({ code: 'BAD_PARAMS', message: expect.stringMatching(/minimum.*quietSeconds.*limit/) as string });
    });

    test('have their rows counted, with newlines inside of quotes', async () => {
      await put('data_1.csv');
      const { files } = await look();
      expect(await steps.noteMetadata(files[0]!)).toEqual({ ...files[0], rows: 2 });
    });

    test('are loaded as the versions that were sensed, or not at all', async () => {
      await put('data_1.csv');
      const { files } = await look();
      await put('data_1.csv', `${LINES}3,C,y,1,2010-12-01,2,3,EIRE\n`);
      const expected = store.capabilities.versions ? 2 : 'OBJECT_CHANGED';
      const codeOf = (error: unknown): unknown => (isMillraceError(error) ? error.code : error);
      expect(await steps.noteMetadata(files[0]!).then(({ rows }) => rows, codeOf)).toBe(expected);
      expect(await steps.transformFile(files[0]!, 'key-1', interval).then(({ rows }) => rows.read, codeOf)).toBe(expected);
    });

    test('are transformed once, however often the step is tried', async () => {
      await put('data_1.csv');
      const { files } = await look();
      const first = await steps.transformFile(files[0]!, 'key-1', interval);
      expect(first).toMatchObject({ rows: { read: 2, written: 2, rejected: 0 }, repeated: false });
      expect(await steps.transformFile(files[0]!, 'key-1', interval)).toEqual({ ...first, repeated: true });
    });
  });
}

/** Each step as an attempt of an activity. */
function stepsOf(incoming: ObjectStore, warehouse: Warehouse, lake = incoming) {
  const transform = createInProcessFunction({ name: 'transform', handler: createTransform((uri) => ({ store: lake, key: lake.keyOf(uri) })) });
  const deps = dependenciesOf({ incoming: () => incoming, lake: () => lake, warehouse: () => warehouse, transform: () => transform });
  let heartbeat: unknown;
  const attempt = (heartbeatDetails?: unknown): MockActivityEnvironment => {
    const env = new MockActivityEnvironment({ heartbeatDetails }, { logger: new DefaultLogger('ERROR') });
    env.on('heartbeat', (details) => (heartbeat = details));
    return env;
  };
  const run = <A extends unknown[], R>(env: MockActivityEnvironment, step: (...args: A) => Promise<R>, ...args: A): Promise<R> => env.run<A, R, (...args: A) => Promise<R>>(step, ...args);
  return {
    lastHeartbeat: () => heartbeat,
    findArrivals: (request: ArrivalRequest, interval: DataInterval, details?: unknown) => run(attempt(details), createFindArrivals(deps), request, interval),
    noteMetadata: (file: ArrivedFile) => run(attempt(), createNoteMetadata(deps), file),
    transformFile: (file: ArrivedFile, key: string, interval: DataInterval) => run(attempt(), createTransformFile(deps), file, key, interval, undefined),
    markProcessed: (files: ArrivedFile[], interval: DataInterval, how: { status?: 'set-aside'; reason?: string } = {}) =>
      run(attempt(), createMarkProcessed(deps), files.map((file) => ({ file, ...how })), interval),
  };
}
