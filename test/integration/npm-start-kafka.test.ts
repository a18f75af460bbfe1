import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { KafkaSignupsResult } from '../../workflows/kafka-signups.js';
import type { KafkaSignupsStreamResult } from '../../workflows/kafka-signups-stream.js';
import { locateKafka } from '../servers/kafka.js';
import { locateTemporal } from '../servers/temporal.js';
import { describeWithServer } from '../support/with-server.js';

const locateBoth = (): void => {
  locateTemporal();
  locateKafka();
};

describeWithServer('npm start -- --pipeline kafka-signups', locateBoth, () => {
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'millrace-start-'));
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  const npmStart = async (env: Record<string, string> = {}, pipeline = 'kafka-signups'): Promise<{ code: number | null; stdout: string; stderr: string }> => {
    const child = spawn(process.execPath, ['dist/scripts/start.js', '--pipeline', pipeline, '--once', '--json'], { env: { ...process.env, MILLRACE_HOME: home, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise<number | null>((done) => child.once('exit', done));
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { code, stdout, stderr };
  };

  it('starts a broker and accounts for every message, also when it is run again', async () => {
    for (const _run of ['first', 'again']) {
      const { code, stdout } = await npmStart();
      expect(code).toBe(0);
      const { result } = JSON.parse(stdout) as { result: KafkaSignupsResult };
      expect(result.produced).toBe(2000);
      expect(result.staged + result.quarantined).toBe(result.produced);
      expect(result.published).toBe(result.staged);
    }
  }, 180_000);

  it('drains the stream, which goes on behind the daily run, and accounts for every message', async () => {
    const { code, stdout } = await npmStart({}, 'kafka-signups-stream');
    expect(code).toBe(0);
    const { run, result } = JSON.parse(stdout) as { run: string; result: KafkaSignupsStreamResult };
    expect(run).toBe('kafka-signups-stream');
    expect(result).toMatchObject({ produced: 2000, read: 2000, lag: 0 });
    expect(result.staged + result.quarantined).toBe(result.produced);
    expect(result.published + result.duplicates).toBe(result.staged);
    expect(result.published).toBe(result.staged);
  }, 120_000);

  it('says how to point it at a broker where none can be started', async () => {
    const { code, stderr } = await npmStart({ MILLRACE_KAFKA: home });
    expect(code).toBe(1);
    expect(stderr).toContain('MILLRACE_CONN_KAFKA_DEFAULT=kafka://localhost:9092');
  }, 90_000);
});
