import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { S3EtlResult } from '../../workflows/s3-etl.js';
import { locateRedshift } from '../servers/redshift.js';
import { locateTemporal } from '../servers/temporal.js';
import { describeWithServer } from '../support/with-server.js';

const START_MS = 180_000;

describeWithServer('npm start -- --pipeline s3-etl', () => [locateTemporal(), locateRedshift()], () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-start-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function start(stack: string): Promise<S3EtlResult> {
    const args = ['dist/scripts/start.js', '--pipeline', 's3-etl', '--stack', stack, '--once', '--json', '--date', '2026-01-31'];
    const child = spawn(process.execPath, args, { env: { ...process.env, MILLRACE_HOME: join(folder, stack) }, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise<number | null>((done) => child.once('exit', done));
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return (JSON.parse(stdout) as { result: S3EtlResult }).result;
  }

  it('publishes the same on the embedded stack and on S3, Lambda and Redshift', { timeout: 2 * START_MS }, async () => {
    const [embedded, aws] = [await start('embedded'), await start('aws-local')];
    expect(embedded.published).toBeGreaterThan(1000);
    expect(aws.warehouse).toMatch(/^redshift-data:\/\//);
    expect(aws.exported).toMatchObject({ rows: aws.revenueByCountry.length });
    const elsewhere = { interval: '', quarantine: '', warehouse: '', exported: '', files: '' };
    expect({ ...aws, ...elsewhere }).toEqual({ ...embedded, ...elsewhere });
  });
});
