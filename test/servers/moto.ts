import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { CloudWatchClient, GetMetricStatisticsCommand, ListMetricsCommand, type Metric } from '@aws-sdk/client-cloudwatch';
import { answers, LOOPBACK } from '../../src/stack/ports.js';
import { freePort, stopProcess } from './server-process.js';
import { ServerUnavailable } from './server-unavailable.js';

/** CloudWatch's API, as far as moto has it. */
export interface CloudWatchServer {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  /** With its credentials, for `MILLRACE_CONN_METRICS`. */
  uri(namespace: string): string;
  metrics(namespace: string): Promise<Metric[]>;
  /** Over all time that CloudWatch keeps: what was published under the name and exactly these dimensions, by minute. */
  read(namespace: string, name: string, dimensions: Readonly<Record<string, string>>): Promise<MetricMinute[]>;
  stop(): Promise<void>;
}

export interface MetricMinute {
  at: string;
  count: number;
  sum: number;
  min: number;
  max: number;
}

const REGION = 'eu-central-1';
const START_MS = 60_000;
const DAY_MS = 24 * 3_600_000;

/** What `test/global-setup.ts` has found or made; throws `ServerUnavailable` where there is none. */
export function locateMoto(): string {
  const python = process.env['MILLRACE_MOTO'];
  if (!python || !existsSync(python)) throw new ServerUnavailable('there is no CloudWatch server: install Python 3.10 with its venv module, or set MILLRACE_MOTO');
  return python;
}

/** A server of its own in memory: loopback, a free port, stopped by its pid. */
export async function startMoto(): Promise<CloudWatchServer> {
  const port = await freePort();
  const child = spawn(locateMoto(), ['-m', 'moto.server', '-H', LOOPBACK, '-p', String(port)], { stdio: ['ignore', 'ignore', 'pipe'] });
  const killWithParent = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithParent);
  let log = '';
  let ended: Error | undefined;
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-4000)));
  child.once('error', (error) => (ended = error));
  child.once('exit', (code) => (ended = new Error(`the CloudWatch server ended with code ${code}:\n${log}`)));
  const credentials = { accessKeyId: 'AKIAMOTOTEST', secretAccessKey: 'secret of a throw-away CloudWatch' };
  const endpoint = `http://${LOOPBACK}:${port}`;
  const client = new CloudWatchClient({ region: REGION, endpoint, credentials });
  const stop = async (): Promise<void> => {
    process.off('exit', killWithParent);
    client.destroy();
    await stopProcess(child, 'SIGKILL');
  };
  for (const deadline = Date.now() + START_MS; !(await answers(`${LOOPBACK}:${port}`)); await delay(50)) {
    if (ended === undefined && Date.now() < deadline) continue;
    await stop();
    throw ended ?? new Error(`the CloudWatch server does not listen:\n${log}`);
  }
  return {
    endpoint,
    region: REGION,
    credentials,
    uri: (namespace) => `cloudwatch://${credentials.accessKeyId}:${encodeURIComponent(credentials.secretAccessKey)}@${REGION}/${namespace}?endpoint=${encodeURIComponent(endpoint)}`,
    async metrics(namespace) {
      const metrics: Metric[] = [];
      let next: string | undefined;
      do {
        const page = await client.send(new ListMetricsCommand({ Namespace: namespace, ...(next === undefined ? {} : { NextToken: next }) }));
        metrics.push(...(page.Metrics ?? []));
        next = page.NextToken;
      } while (next !== undefined);
      return metrics;
    },
    async read(namespace, name, dimensions) {
      const now = Date.now();
      // A day at a time: one answer holds 1,440 minutes.
      const days = Array.from({ length: 16 }, (_, day) => now - day * DAY_MS);
      const minutes: MetricMinute[] = [];
      for (const end of days) {
        const { Datapoints } = await client.send(
          new GetMetricStatisticsCommand({
            Namespace: namespace,
            MetricName: name,
            Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
            StartTime: new Date(end - DAY_MS),
            EndTime: new Date(end),
            Period: 60,
            Statistics: ['SampleCount', 'Sum', 'Minimum', 'Maximum'],
          }),
        );
        minutes.push(...(Datapoints ?? []).map(({ Timestamp, SampleCount = 0, Sum = 0, Minimum = 0, Maximum = 0 }) => ({ at: Timestamp!.toISOString(), count: SampleCount, sum: Sum, min: Minimum, max: Maximum })));
      }
      return minutes.toSorted((a, b) => a.at.localeCompare(b.at));
    },
    stop,
  };
}
