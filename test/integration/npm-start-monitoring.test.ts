import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CATALOG } from '../../src/catalog.js';
import type { PipelineMonitoringResult } from '../../workflows/pipeline-monitoring.js';
import { locateMoto } from '../servers/moto.js';
import { locateRedshift } from '../servers/redshift.js';
import { locateTemporal } from '../servers/temporal.js';
import { describeWithServer } from '../support/with-server.js';

const START_MS = 180_000;

describeWithServer('npm start -- --pipeline pipeline-monitoring', () => [locateTemporal(), locateRedshift(), locateMoto()], () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-start-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function npmStart(stack: string): Promise<PipelineMonitoringResult> {
    const args = ['dist/scripts/start.js', '--pipeline', 'pipeline-monitoring', '--stack', stack, '--once', '--json'];
    const child = spawn(process.execPath, args, { env: { ...process.env, MILLRACE_HOME: join(folder, stack) }, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise<number | null>((done) => child.once('exit', done));
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return (JSON.parse(stdout) as { result: PipelineMonitoringResult }).result;
  }

  it.each([
    ['embedded', (warehouse: number | null) => ({ warehouse, cloudwatch: null })],
    ['aws-local', (warehouse: number | null) => ({ warehouse, cloudwatch: warehouse })],
  ])('looks at every pipeline and publishes what it has seen, on the %s stack', { timeout: START_MS }, async (stack, published) => {
    const result = await npmStart(stack);
    expect(result.unreached).toEqual([]);
    expect(result.health!.pipelines.map(({ pipeline }) => pipeline)).toEqual(CATALOG.map(({ name }) => name));
    for (const { workers, problems, unknown } of result.health!.pipelines) expect({ workers, problems, unknown }).toEqual({ workers: 1, problems: [], unknown: [] });
    expect(result.published.warehouse).toBeGreaterThan(CATALOG.length);
    expect(result.published).toEqual(published(result.published.warehouse));
    // The quarter of an hour that has just passed, not a day.
    expect(Date.parse(result.interval.end) - Date.parse(result.interval.start)).toBe(15 * 60_000);
  });
});
