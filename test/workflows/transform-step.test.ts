import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ActivityFailure, type ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createTransformFile } from '../../activities/s3-etl/transform-file.js';
import type { ArrivedFile } from '../../src/arrivals/arrivals.js';
import { createLambdaFunction } from '../../src/functions/lambda.js';
import type { RemoteFunction } from '../../src/functions/remote-function.js';
import { startLambdaServer, type LambdaServer } from '../servers/lambda/server.js';
import { locateTemporal } from '../servers/temporal.js';
import { dependenciesOf } from '../support/activity-dependencies.js';
import { startBlockRuns, type BlockRuns } from '../support/block-runs.js';
import { createFunction, lambdaClient, zipOf } from '../support/lambda-functions.js';
import { startLocalStore, type StartedStore } from '../support/object-stores.js';
import { describeWithServer } from '../support/with-server.js';

/** Answers as the transform function does, without doing anything. */
const ANSWERS = `
exports.handler = async ({ idempotencyKey, source }) => {
  if (source.etag === 'throws') throw new TypeError('cannot read it');
  if (source.etag === 'malformed') throw Object.assign(new Error('the file has no columns'), { name: 'SOURCE_MALFORMED' });
  const output = { uri: 's3://lake/out.csv.gz', bytes: 9, etag: 'e' };
  return { idempotencyKey, source, output, rows: { read: 1, written: source.etag === 'loses' ? 0 : 1, rejected: 0 }, rejectedByReason: {}, repeated: false };
};`;

describeWithServer('the step that invokes the transform function', locateTemporal, () => {
  let lake: StartedStore;
  let server: LambdaServer;
  let runs: BlockRuns;
  let functionName: string;
  const opened: RemoteFunction[] = [];

  beforeAll(async () => {
    lake = await startLocalStore();
    server = await startLambdaServer();
    const client = lambdaClient(server);
    await createFunction(client, 'transform', { zip: zipOf({ 'index.js': ANSWERS }) });
    client.destroy();
    const open = (): RemoteFunction => {
      const fn = createLambdaFunction({ ...server, functionName });
      opened.push(fn);
      return fn;
    };
    runs = await startBlockRuns({ fixture: 'arrival-workflows.ts', activities: { transformFile: createTransformFile(dependenciesOf({ lake: () => lake.store, transform: open })) } });
  });
  afterAll(async () => {
    await runs?.stop();
    await Promise.all(opened.map((fn) => fn.close()));
    await server?.stop();
    await lake?.stop();
  });
  beforeEach(() => {
    functionName = 'transform';
  });

  const fileOf = (etag: string): ArrivedFile => ({ uri: 's3://raw/data_1.csv', key: 'data_1.csv', size: 1, etag, lastModified: '2010-12-01T00:00:00.000Z' });
  const start = (etag: string): Promise<WorkflowHandle> => runs.start('transformOne', fileOf(etag));

  async function failureOf(handle: WorkflowHandle): Promise<ApplicationFailure> {
    const error: unknown = await handle.result().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WorkflowFailedError);
    const failure = (error as WorkflowFailedError).cause;
    expect(failure).toBeInstanceOf(ActivityFailure);
    return (failure as ActivityFailure).cause as ApplicationFailure;
  }

  it('fails with the type and the message of the error that the function threw, and is not tried again', async () => {
    const before = server.invocations.length;
    expect(await failureOf(await start('malformed'))).toMatchObject({ type: 'SOURCE_MALFORMED', message: 'the file has no columns', nonRetryable: true });
    expect(await failureOf(await start('throws'))).toMatchObject({
      type: 'FUNCTION_FAILED',
      message: expect.stringContaining('TypeError: cannot read it') as string,
      nonRetryable: true,
      details: [{ errorType: 'TypeError', logTail: expect.stringContaining('cannot read it') as string }],
    });
    expect(server.invocations).toHaveLength(before + 2);
  });

  it('is tried again no earlier than the service says, with the same idempotency key', async () => {
    const before = server.invocations.length;
    const started = Date.now();
    server.disturb({ kind: 'throttle', retryAfterSeconds: 2 }, { kind: 'lost-answer' });
    expect(await (await start('works')).result()).toMatchObject({ rows: { written: 1 } });
    expect(Date.now() - started).toBeGreaterThanOrEqual(2000);
    const keys = server.invocations.slice(before).map(({ event }) => (JSON.parse(event) as { idempotencyKey: string }).idempotencyKey);
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
  });

  it('is not tried again for a function that is missing', async () => {
    functionName = 'nobody';
    expect(await failureOf(await start('works'))).toMatchObject({ type: 'FUNCTION_MISSING', nonRetryable: true, message: expect.stringContaining('nobody') as string });
  });

  it('returns what the function has written as a dataset of the lake, so that a re-run can look whether it is still there', async () => {
    expect(await (await start('works')).result()).toMatchObject({
      output: { uri: 's3://lake/out.csv.gz', format: 'csv', rows: 1, bytes: 9, schema: expect.stringMatching(/^[\da-f]{16}$/) as string, madeBy: { step: 'transformFile', attempt: 1 } },
    });
  });

  it('does not believe a function that loses rows', async () => {
    expect(await failureOf(await start('loses'))).toMatchObject({ type: 'RECONCILIATION_FAILED' });
  });
});
