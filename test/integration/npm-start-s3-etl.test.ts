import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { StackKind } from '../../scripts/start/arguments.js';
import { startEmbeddedStack } from '../../scripts/start/embedded-stack.js';
import { loadConnections } from '../../src/connections/connections.js';
import { generatedDays } from '../../src/demo/generate-day.js';
import { findProjectRoot } from '../../src/project-root.js';
import { acquireStack, runningStack } from '../../src/stack/stack-state.js';
import { createAdapters } from '../../workers/adapters.js';
import type { S3EtlResult } from '../../workflows/s3-etl.js';
import { locateRedshift } from '../servers/redshift.js';
import { locateTemporal } from '../servers/temporal.js';
import { salesContent } from '../support/sales-content.js';
import { describeWithServer } from '../support/with-server.js';

const DATE = '2026-01-31';
const START_MS = 180_000;
const PIPELINES = ['s3-etl', 's3-etl-modular', 's3-etl-fault-tolerant'];

describeWithServer('npm start -- --pipeline s3-etl', () => [locateTemporal(), locateRedshift()], () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-start-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function npmStart(home: string, pipeline: string, ...more: string[]): Promise<S3EtlResult> {
    const args = ['dist/scripts/start.js', '--pipeline', pipeline, '--once', '--json', '--date', DATE, ...more];
    const child = spawn(process.execPath, args, { env: { ...process.env, MILLRACE_HOME: home }, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise<number | null>((done) => child.once('exit', done));
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return (JSON.parse(stdout) as { result: S3EtlResult }).result;
  }

  /** The runs of all three on one stack, as a terminal's `npm start` keeps it, each with all rows that are published after it. */
  async function runAll(kind: StackKind): Promise<{ result: S3EtlResult; published: string }[]> {
    const [home, root] = [join(folder, `${kind}-kept`), findProjectRoot()];
    const attempt = await acquireStack(home, () => {});
    if (attempt.kind !== 'owned') throw new Error('somebody else has the stack');
    const stack = await startEmbeddedStack({ stack: attempt.stack, root, days: generatedDays(), date: DATE, kind, withKafka: false, log: () => {} });
    const env = parseEnv(readFileSync((await runningStack(home))!.connectionsFile, 'utf8'));
    const adapters = createAdapters(loadConnections({ env, root }), { memoryLimit: '256MB', threads: 1, scratchDir: join(home, 'scratch') });
    try {
      const runs = [];
      for (const pipeline of PIPELINES) runs.push({ result: await npmStart(home, pipeline), published: await salesContent(adapters.warehouse()) });
      return runs;
    } finally {
      await adapters.close();
      await stack.stop();
      await attempt.stack.release();
    }
  }

  const elsewhere = { interval: '', quarantine: '', warehouse: '', exported: '', files: '' };

  it('starts S3, Lambda and Redshift, runs there, and ends them', { timeout: START_MS }, async () => {
    const result = await npmStart(join(folder, 'once'), 's3-etl', '--stack', 'aws-local');
    expect(result.published).toBeGreaterThan(1000);
    expect(result.warehouse).toMatch(/^redshift-data:\/\//);
    expect(result.exported).toMatchObject({ rows: result.revenueByCountry.length });
  });

  it('publishes the same rows by each of its three pipelines, on the embedded stack and on S3, Lambda and Redshift', { timeout: 4 * START_MS }, async () => {
    const [embedded, aws] = [await runAll('embedded'), await runAll('aws-local')];
    const [first] = embedded;
    expect(first!.result.published).toBeGreaterThan(1000);
    expect(aws.map(({ result }) => result.warehouse)).toEqual(PIPELINES.map(() => expect.stringMatching(/^redshift-data:\/\//) as string));
    for (const { result, published } of [...embedded, ...aws]) {
      expect({ ...result, ...elsewhere }).toMatchObject({ ...first!.result, ...elsewhere });
      expect(published).toBe(first!.published);
    }
  });
});
