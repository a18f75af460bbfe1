import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DemoDays } from '../../src/demo/demo-day.js';
import { intervalBounds } from '../../src/durable/data-interval.js';
import { startDemoSources } from '../../src/demo/demo-stack.js';
import type { OwnedStack, TemporalAddress } from '../../src/stack/stack-state.js';
import { SEARCH_ATTRIBUTE_NAMES } from '../../src/steps/search-attributes.js';
import { obtainTemporal } from '../servers/obtain-temporal.js';
import { startTemporalServer } from '../servers/temporal-server.js';
import { DEMO_SIGNUPS, KAFKA_CONNECTION, startDemoKafka } from './demo-kafka.js';
import { startWorkerProcess } from '../../workers/worker-process.js';
import type { StackKind } from './arguments.js';
import { startAwsLocal } from './aws-local.js';

const LOOK_AT_THE_DATE_MS = 10 * 60_000;

export interface EmbeddedStackOptions {
  stack: OwnedStack;
  /** The project's folder, with the build in `dist/`. */
  root: string;
  days: DemoDays;
  date: string;
  /** `aws-local`: lake, warehouse, arriving files and function on servers that speak AWS's protocols. */
  kind: StackKind;
  /** Starts a broker too, for a pipeline that needs one. */
  withKafka: boolean;
  /** With `aws-local`, CloudWatch too, where it can be had. */
  withCloudWatch?: boolean;
  log: (line: string) => void;
}

export interface EmbeddedStack {
  temporal: TemporalAddress;
  /** `--param`s of a run that nobody has given any. */
  demoParams: readonly string[];
  /** From now on the sources have yesterday's data too, every day anew: what scheduled runs ask for. */
  keepUpWithTheDate(): void;
  stop(): Promise<void>;
}

/**
 * Everything that a run needs, on this machine: Temporal with its Web UI, the demonstration's source systems, a worker. What
 * was started is stopped again, in the opposite order, by `stop` or when a later part fails.
 */
export async function startEmbeddedStack({ stack, root, days, date, kind, withKafka, withCloudWatch = false, log }: EmbeddedStackOptions): Promise<EmbeddedStack> {
  const { home } = stack;
  const undo: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const temporal = await startTemporalServer({
      executable: await obtainTemporal({ log }),
      dataDir: home,
      port: await stack.port('temporal'),
      uiPort: await stack.port('temporal-ui'),
      searchAttributes: SEARCH_ATTRIBUTE_NAMES,
      log,
      onSpawn: (pid) => stack.recordProcess('temporal', pid),
    });
    undo.push(() => temporal.stop());
    const address: TemporalAddress = { address: temporal.address, namespace: temporal.namespace, uiUrl: temporal.uiUrl };

    const aws = kind === 'aws-local' ? await startAwsLocal({ root, logFile: join(home, 'logs', 'aws-local.log'), withCloudWatch, log }) : undefined;
    if (aws !== undefined) undo.push(() => aws.stop());

    log('starting the source systems: customer API, DynamoDB, clickstream, sales database, mail (a second or two)');
    const sources = await startDemoSources({ home, days, preload: [date], log, ...(aws && { incoming: { store: aws.incoming, uri: aws.connections['INCOMING']! } }) });
    undo.push(() => sources.stop());
    const kafka = withKafka ? await startDemoKafka(stack, root, log) : undefined;
    if (kafka !== undefined) undo.push(() => kafka.stop());
    await mkdir(join(home, 'lake'), { recursive: true });
    await stack.publishConnections({
      ...sources.connections,
      LAKE: pathToFileURL(join(home, 'lake')).href,
      TRANSFORM: 'process://transform',
      WAREHOUSE: `duckdb://${pathToFileURL(join(home, 'warehouse.duckdb')).pathname}`,
      ...aws?.connections,
      ...(kafka === undefined ? {} : { [KAFKA_CONNECTION]: `kafka://${kafka.address}` }),
    });

    log('starting a worker (a few seconds; up to 20 the first time, when the workflows are bundled)');
    const worker = await startWorkerProcess({
      entry: join(root, 'dist', 'workers', 'main.js'),
      environment: { ...process.env, TEMPORAL_ADDRESS: address.address, TEMPORAL_NAMESPACE: address.namespace, MILLRACE_WEB_UI: address.uiUrl, MILLRACE_HOME: home },
      logFile: join(home, 'logs', 'worker.log'),
      onStart: (pid) => stack.recordProcess('worker', pid),
      onRestart: log,
    });
    undo.push(() => worker.stop());
    await stack.publishTemporal(address);
    return {
      temporal: address,
      demoParams: kafka === undefined ? [] : DEMO_SIGNUPS,
      keepUpWithTheDate() {
        const load = (): void => void sources.loadDay(yesterday()).catch((error: unknown) => log(`yesterday's data could not be loaded: ${error instanceof Error ? error.message : String(error)}`));
        load();
        const timer = setInterval(load, LOOK_AT_THE_DATE_MS);
        undo.push(async () => clearInterval(timer));
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function yesterday(): string {
  return intervalBounds({}, new Date()).label;
}
