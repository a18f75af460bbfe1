import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCloudWatchMetrics, type CloudWatchOptions } from '../../src/metrics/cloudwatch.js';
import { statisticsOf, type MetricPoint, type MetricSink } from '../../src/metrics/metric-sink.js';
import { createSendings } from '../../src/metrics/sendings.js';
import { createWarehouseMetrics, METRICS } from '../../src/metrics/warehouse-metrics.js';
import { createLocalDirectoryStore } from '../../src/object-store/local-directory.js';
import type { ObjectStore } from '../../src/object-store/object-store.js';
import { createDuckDBWarehouse } from '../../src/warehouse/duckdb.js';
import { locateMoto, startMoto } from '../servers/moto.js';
import { describeWithServer } from '../support/with-server.js';
import { metricSinkContract, type MetricSinkUnderTest } from './metric-sink.contract.js';

const NAMESPACE = 'MillraceTest';
const NAMES = { pipeline: 'Pipeline', step: 'Step', table: 'Table' } as const;
const { signal } = new AbortController();
const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'millrace-metrics-'));

async function inWarehouse(): Promise<MetricSinkUnderTest> {
  const folder = await temporaryFolder();
  const warehouse = createDuckDBWarehouse({ path: join(folder, 'warehouse.duckdb'), limits: { memoryLimit: '512MB', threads: 1, scratchDir: join(folder, 'scratch') } });
  return {
    sink: createWarehouseMetrics(warehouse),
    another: () => createWarehouseMetrics(warehouse),
    async read(name, { pipeline = '', step }) {
      const { rows } = await warehouse.query(`SELECT measured_at, samples, total, least, most FROM ${METRICS.name} WHERE metric = '${name}' AND pipeline = '${pipeline}' AND step ${step === undefined ? 'IS NULL' : `= '${step}'`}`);
      return together(rows.map(([at, count, sum, min, max]) => ({ at: String(at), count: Number(count), sum: Number(sum), min: Number(min), max: Number(max) })));
    },
    async stop() {
      await warehouse.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function inCloudWatch(): Promise<MetricSinkUnderTest> {
  const folder = await temporaryFolder();
  const server = await startMoto();
  const store = createLocalDirectoryStore({ root: folder });
  const { endpoint, region, credentials } = server;
  const open = (): MetricSink => createCloudWatchMetrics({ endpoint, region, credentials, namespace: NAMESPACE, sendings: createSendings(() => store, 30_000) });
  return {
    sink: open(),
    another: open,
    async read(name, dimensions) {
      const wanted = Object.fromEntries(Object.entries(dimensions).map(([key, value]) => [NAMES[key as keyof typeof NAMES], value as string]));
      return together(await server.read(NAMESPACE, name, wanted));
    },
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function together(all: readonly { at: string; count: number; sum: number; min: number; max: number }[]): Awaited<ReturnType<MetricSinkUnderTest['read']>> {
  return {
    at: all.map(({ at }) => at),
    count: all.reduce((sum, { count }) => sum + count, 0),
    sum: all.reduce((sum, { sum: value }) => sum + value, 0),
    min: Math.min(...all.map(({ min }) => min)),
    max: Math.max(...all.map(({ max }) => max)),
  };
}

metricSinkContract('in the warehouse', inWarehouse);
describeWithServer('with a CloudWatch server', locateMoto, () => metricSinkContract('in CloudWatch', inCloudWatch));

/** How the service meets a request. */
type Answer = { status: number; type?: string } | 'no answer';

describe('a request to CloudWatch', () => {
  let folder: string;
  let store: ObjectStore;
  let server: Server;
  /** Parsed bodies, whatever became of them. */
  let received: { MetricData: { MetricName: string; Dimensions: unknown[]; Timestamp: number }[] }[];
  let compressed: boolean[];
  let answers: Answer[];

  beforeAll(async () => {
    folder = await temporaryFolder();
    store = createLocalDirectoryStore({ root: folder });
    server = createServer((request, response) => {
      void meet(request, response);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  });
  afterAll(async () => {
    server.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    [received, compressed, answers] = [[], [], []];
  });

  async function meet(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    compressed.push(request.headers['content-encoding'] === 'gzip');
    received.push(JSON.parse(body) as (typeof received)[number]);
    const answer = answers.shift() ?? { status: 200 };
    if (answer === 'no answer') request.socket.destroy();
    else response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(answer.type === undefined ? {} : { __type: answer.type, message: 'hunter22' }));
  }

  let batches = 0;
  const open = (change: Partial<CloudWatchOptions> = {}, longestMs = 60_000): MetricSink =>
    createCloudWatchMetrics({
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      region: 'eu-central-1',
      namespace: NAMESPACE,
      credentials: { accessKeyId: 'AKIA', secretAccessKey: 'hunter22hunter22' },
      sendings: createSendings(() => store, longestMs),
      ...change,
    });
  const points = (count: number, at = new Date().toISOString()): MetricPoint[] => Array.from({ length: count }, (_, index) => ({ name: 'Runs', dimensions: { pipeline: `p${index}` }, at, statistics: statisticsOf([1]) }));
  const batchOf = (all: readonly MetricPoint[]) => ({ id: `2026-01-31/request-${(batches += 1)}`, points: all });

  it('holds at most 1,000 metrics, and is compressed where it is large', async () => {
    expect(await open().publish(batchOf(points(2_001)), { signal })).toMatchObject({ published: 2_001 });
    expect(received.map(({ MetricData }) => MetricData.length)).toEqual([1_000, 1_000, 1]);
    expect(compressed).toEqual([true, true, false]);
  });

  it('holds at most 1 MB', async () => {
    const long = points(1_000).map((point) => ({ ...point, dimensions: { pipeline: `${'x'.repeat(1_500)}${point.dimensions.pipeline}` } }));
    await open().publish(batchOf(long), { signal });
    expect(received.length).toBe(2);
    for (const body of received) expect(JSON.stringify(body).length).toBeLessThan(1_000_000);
  });

  it.each<[string, Answer]>([
    ['is throttled', { status: 400, type: 'ThrottlingException' }],
    ['meets a service that takes no more', { status: 503, type: 'ServiceUnavailable' }],
  ])('that %s is sent again by the next attempt, and only what was not sent', async (_, answer) => {
    answers = [{ status: 200 }, answer];
    const batch = batchOf(points(1_500));
    await expect(open().publish(batch, { signal })).rejects.toMatchObject({ code: 'METRICS_UNAVAILABLE', retryable: true });
    expect(await open().publish(batch, { signal })).toEqual({ published: 1_500, unsure: 0, tooOld: 0 });
    expect(received.map(({ MetricData }) => MetricData.length)).toEqual([1_000, 500, 500]);
  });

  it.each<[string, Answer]>([
    ['is not answered', 'no answer'],
    ['meets an internal failure', { status: 500, type: 'InternalServiceFault' }],
  ])('that %s may have arrived: it is never sent again, what is behind it is, and both are told', async (_, answer) => {
    answers = [answer];
    const batch = batchOf(points(1_500));
    await expect(open().publish(batch, { signal })).rejects.toMatchObject({ code: 'METRICS_UNAVAILABLE' });
    // Whoever has sent it may still be waiting for the answer.
    await expect(open().publish(batch, { signal })).rejects.toMatchObject({ code: 'METRICS_UNAVAILABLE' });
    expect(await open({}, 0).publish(batch, { signal })).toEqual({ published: 500, unsure: 1_000, tooOld: 0 });
    expect(received.map(({ MetricData }) => MetricData.length)).toEqual([1_000, 500]);
  });

  it('is sent by one of several that publish the same at the same time', async () => {
    const batch = batchOf(points(10));
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => open().publish(batch, { signal })));
    expect(received).toHaveLength(1);
    expect(outcomes.some(({ status }) => status === 'fulfilled')).toBe(true);
    expect(await open().publish(batch, { signal })).toMatchObject({ published: 10 });
  });

  it('has no data that CloudWatch would refuse: older than two weeks, infinite', async () => {
    const old = new Date(Date.now() - 15 * 24 * 3_600_000).toISOString();
    const endless: MetricPoint = { name: 'Runs', dimensions: {}, at: new Date().toISOString(), statistics: statisticsOf([Infinity]) };
    expect(await open().publish(batchOf([...points(2, old), endless, ...points(3)]), { signal })).toEqual({ published: 3, unsure: 0, tooOld: 2 });
    expect(received.flatMap(({ MetricData }) => MetricData)).toHaveLength(3);
  });

  it('leaves single steps out where they are not wanted', async () => {
    const step: MetricPoint = { name: 'StepRows', dimensions: { pipeline: 'p', step: 's' }, at: new Date().toISOString(), statistics: statisticsOf([1]) };
    expect(await open({ steps: false }).publish(batchOf([step, ...points(1)]), { signal })).toMatchObject({ published: 1 });
    expect(received.flatMap(({ MetricData }) => MetricData.map(({ MetricName }) => MetricName))).toEqual(['Runs']);
  });

  it('that is refused says why, for good, and never repeats what the service said', async () => {
    for (const [answer, code] of [
      [{ status: 403, type: 'AccessDeniedException' }, 'METRICS_FORBIDDEN'],
      [{ status: 400, type: 'InvalidParameterValueException' }, 'METRICS_REJECTED'],
    ] as const) {
      answers = [answer];
      const error = await open().publish(batchOf(points(1)), { signal }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code, retryable: false });
      expect(JSON.stringify(error) + String(error) + String((error as Error).cause)).not.toContain('hunter22');
    }
  });

  it('to a service that is not there is worth another attempt, which sends it', async () => {
    const batch = batchOf(points(1));
    await expect(open({ endpoint: 'http://127.0.0.1:1' }).publish(batch, { signal })).rejects.toMatchObject({ code: 'METRICS_UNAVAILABLE', retryable: true });
    expect(await open().publish(batch, { signal })).toMatchObject({ published: 1 });
  });
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('utf8');
}
