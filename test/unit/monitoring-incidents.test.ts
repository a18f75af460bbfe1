import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batchesOf, forgetDay, healthBatch, readBatch } from '../../src/monitoring/batches.js';
import type { HealthReport, PipelineHealth, Problem } from '../../src/monitoring/health.js';
import { afterLook, NOTHING_KNOWN, type MonitoringState } from '../../src/monitoring/incidents.js';
import { changeState, readState } from '../../src/monitoring/state-store.js';
import { statisticsOf, type MetricPoint } from '../../src/metrics/metric-sink.js';
import { createLocalDirectoryStore } from '../../src/object-store/local-directory.js';
import type { ObjectStore } from '../../src/object-store/object-store.js';

const stale = (table: string, message = `${table} is old`): Problem => ({ kind: 'stale-table', what: table, severity: 'error', message });
const look = (minute: number, problems: readonly Problem[], change: Partial<PipelineHealth> = {}, unreached: HealthReport['unreached'] = []): HealthReport => ({
  at: `2026-01-31T10:${String(minute).padStart(2, '0')}:00.000Z`,
  window: { start: '2026-01-30T10:00:00.000Z', end: '2026-01-31T10:00:00.000Z' },
  pipelines: [{ pipeline: 's3-etl', problems, unknown: [], ...change }],
  unreached,
});
/** As if everything had been told in between. */
const after = (...looks: readonly HealthReport[]): MonitoringState => looks.reduce((state, report) => afterLook({ ...state, untold: [] }, report), NOTHING_KNOWN);
const news = (state: MonitoringState) => state.untold.map(({ pipeline, opened, closed, open }) => ({ pipeline, opened: opened.map(({ message }) => message), closed: closed.map(({ message }) => message), open }));

describe('a problem', () => {
  it('is news when it comes and when it is over, and not in between', () => {
    expect(news(after(look(0, [stale('a')])))).toEqual([{ pipeline: 's3-etl', opened: ['a is old'], closed: [], open: 1 }]);
    expect(news(after(look(0, [stale('a')]), look(15, [stale('a', 'a is older')])))).toEqual([]);
    expect(news(after(look(0, [stale('a')]), look(15, [stale('a', 'a is older')]), look(30, [])))).toEqual([{ pipeline: 's3-etl', opened: [], closed: ['a is older'], open: 0 }]);
  });

  it('that comes back is news again', () => {
    expect(news(after(look(0, [stale('a')]), look(15, []), look(30, [stale('a')])))).toMatchObject([{ opened: ['a is old'] }]);
  });

  it('is one of several: others that come or go say how many are left', () => {
    expect(news(after(look(0, [stale('a')]), look(15, [stale('b')])))).toEqual([{ pipeline: 's3-etl', opened: ['b is old'], closed: ['a is old'], open: 1 }]);
  });

  it('that could not be looked at is neither there nor over', () => {
    const blind = look(15, [], { unknown: ['stale-table'] });
    expect(news(after(look(0, [stale('a')]), blind))).toEqual([]);
    expect(news(after(look(0, [stale('a')]), blind, look(30, [])))).toMatchObject([{ closed: ['a is old'] }]);
  });

  it('of a pipeline that has left the catalog is over', () => {
    expect(news(after(look(0, [stale('a')]), { ...look(15, []), pipelines: [] }))).toMatchObject([{ closed: ['a is old'], open: 0 }]);
  });

  it('keeps the time at which it was first seen', () => {
    expect(after(look(0, [stale('a')]), look(15, [stale('a')])).incidents).toMatchObject([{ since: '2026-01-31T10:00:00.000Z' }]);
  });

  it('is not touched by a look that was overtaken', () => {
    const state = after(look(15, [stale('a')]));
    expect(afterLook(state, look(0, []))).toBe(state);
    expect(afterLook(state, look(15, []))).toBe(state);
  });

  it('stays untold over later looks until somebody has told it', () => {
    const state = afterLook(afterLook(NOTHING_KNOWN, look(0, [stale('a')])), look(15, []));
    expect(news(state)).toMatchObject([{ opened: ['a is old'] }, { closed: ['a is old'] }]);
    expect(new Set(state.untold.map(({ id }) => id)).size).toBe(2);
  });
});

describe('what monitoring could not reach', () => {
  const down = (pipeline: string) => ({ part: 'the tables', pipeline, why: 'the warehouse is down' });

  it('is one problem of the monitoring, of however many pipelines it is, and over when it is reached', () => {
    const blind = look(0, [], {}, [down('s3-etl'), down('ecommerce-daily')]);
    expect(news(after(blind))).toEqual([{ pipeline: 'pipeline-monitoring', opened: ['Monitoring could not reach the tables of s3-etl: the warehouse is down'], closed: [], open: 1 }]);
    expect(news(after(blind, look(15, [])))).toMatchObject([{ pipeline: 'pipeline-monitoring', open: 0, closed: [expect.any(String)] }]);
  });
});

describe('a schedule', () => {
  const active = look(0, [], { schedule: { state: 'active', missed: [] } });
  const paused = look(15, [], { schedule: { state: 'paused', missed: [] } });

  it('has been active since the first look that saw it so, and anew after a pause', () => {
    expect(after(active, look(15, [], { schedule: { state: 'active', missed: [] } })).activeSince).toEqual({ 's3-etl': active.at });
    expect(after(active, paused).activeSince).toEqual({});
    expect(after(active, paused, look(30, [], { schedule: { state: 'active', missed: [] } })).activeSince).toEqual({ 's3-etl': '2026-01-31T10:30:00.000Z' });
  });

  it('that could not be looked at stays as it was', () => {
    expect(after(active, look(15, [], { unknown: ['missed-schedule'] })).activeSince).toEqual({ 's3-etl': active.at });
  });
});

describe('in the lake', () => {
  let folder: string;
  let store: ObjectStore;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-monitoring-'));
    store = createLocalDirectoryStore({ root: folder });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const { signal } = new AbortController();
  const QUARTER = { start: '2026-01-31T10:15:00.000Z', end: '2026-01-31T10:30:00.000Z' };
  const measure = (runs: readonly string[]): Promise<MetricPoint[]> => Promise.resolve(runs.map((pipeline) => ({ name: 'Runs', dimensions: { pipeline }, at: QUARTER.start, statistics: statisticsOf([1]) })));
  const runsIn = async (ids: readonly string[]): Promise<string[]> => (await Promise.all(ids.map((id) => readBatch(store, id, signal)))).flatMap(({ points }) => points.map(({ dimensions }) => dimensions.pipeline ?? ''));

  it('changes of the state by several at once are all there', async () => {
    const add = (name: string) => changeState(store, (state) => ({ ...state, activeSince: { ...state.activeSince, [name]: 'now' } }), signal);
    await Promise.all(['a', 'b', 'c'].map(add));
    expect(Object.keys((await readState(store, signal)).activeSince).toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('a run is in one batch, whoever measures, at the same time or later', async () => {
    const [first, second] = await Promise.all([batchesOf(store, QUARTER, ['a', 'b'], measure, signal), batchesOf(store, QUARTER, ['b', 'c'], measure, signal)]);
    const all = await batchesOf(store, QUARTER, ['a', 'b', 'c'], measure, signal);
    expect((await runsIn(all)).toSorted()).toEqual(['a', 'b', 'c']);
    for (const ids of [first, second]) for (const id of ids) expect(all).toContain(id);
  });

  it('a run that became visible late is in a batch of its own, and what is there stays as it is', async () => {
    const before = await batchesOf(store, QUARTER, [], measure, signal);
    const later = await batchesOf(store, QUARTER, ['a', 'b', 'c', 'late'], measure, signal);
    expect(later.slice(0, before.length)).toEqual(before);
    expect(await runsIn(later.slice(before.length))).toEqual(['late']);
  });

  it('what a quarter was like is what was seen first', async () => {
    const id = await healthBatch(store, QUARTER, await measure(['first']), signal);
    expect(await healthBatch(store, QUARTER, await measure(['second']), signal)).toBe(id);
    expect(await runsIn([id])).toEqual(['first']);
  });

  it('a day can be forgotten without any other', async () => {
    await batchesOf(store, { start: '2026-01-30T10:15:00.000Z', end: '2026-01-30T10:30:00.000Z' }, ['old'], measure, signal);
    await forgetDay(store, '2026-01-30', signal);
    expect(await batchesOf(store, { start: '2026-01-30T10:15:00.000Z', end: '2026-01-30T10:30:00.000Z' }, [], measure, signal)).toEqual([]);
    expect(await batchesOf(store, QUARTER, [], measure, signal)).not.toEqual([]);
  });
});
