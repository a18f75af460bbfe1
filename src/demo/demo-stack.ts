import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createLocalDirectoryStore } from '../object-store/local-directory.js';
import type { ObjectStore } from '../object-store/object-store.js';
import type { LoadedDay } from './admin-routes.js';
import type { ApiMode, CustomerApiOptions } from './customer-api.js';
import type { DemoDays } from './demo-day.js';
import { startDynalite } from './dynalite-server.js';
import { startMailSink, type ReceivedMail } from './mail-sink.js';
import { createProductCatalog } from './product-catalog.js';
import { createDuckDBSalesDatabase } from './sales-database.js';
import { serveDays } from './serve-days.js';

export interface DemoSourcesOptions {
  /** Folder of the demonstration: `sales.duckdb`, `clickstream/`, `incoming/`, `mails/`. */
  home: string;
  days: DemoDays;
  /** Days that are there before this returns; others come by `loadDay` or `POST /admin/days/YYYY-MM-DD`. */
  preload: readonly string[];
  log(line: string): void;
  /** Where the sales arrive as files; default: a folder of the demonstration. */
  incoming?: { store: ObjectStore; uri: string };
  onMail?: (mail: ReceivedMail) => void;
  /** For tests: rates, faults and the clock of the customer API. */
  api?: Pick<CustomerApiOptions, 'rate' | 'unavailableEvery' | 'slowMs' | 'now'>;
}

export type DemoConnection = 'SALES' | 'CUSTOMERS' | 'CATALOG' | 'CLICKS' | 'INCOMING' | 'MAIL';

export interface DemoSources {
  /** URIs with their secrets, for `MILLRACE_CONN_…`; not to be printed. */
  connections: Readonly<Record<DemoConnection, string>>;
  /** Brings a day into all sources; one that is loaded is left as it is. */
  loadDay(date: string): Promise<LoadedDay>;
  setApiMode(mode: ApiMode): void;
  stop(): Promise<void>;
}

const CATALOG_TABLE = 'products';
const REGION = 'local-1';

/**
 * Starts the demonstration's source systems on free ports of the loopback interface: customer API, DynamoDB (in memory,
 * refilled at every start), mail sink; and fills them, the sales database and the clicks with the days asked for.
 * What was started is stopped again when a later part fails.
 */
export async function startDemoSources(options: DemoSourcesOptions): Promise<DemoSources> {
  const salesFile = join(options.home, 'sales.duckdb');
  const clicksDirectory = join(options.home, 'clickstream');
  const arrivals = join(options.home, 'incoming');
  for (const folder of [clicksDirectory, arrivals]) await mkdir(folder, { recursive: true });
  const token = randomBytes(16).toString('hex');
  const catalogKey = { accessKeyId: 'demo', secretAccessKey: randomBytes(16).toString('hex') };
  const undo: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    const results = await Promise.allSettled(undo.splice(0).reverse().map((step) => step()));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  };

  try {
    const dynamo = await startDynalite();
    undo.push(() => dynamo.stop());
    const catalog = createProductCatalog({ table: CATALOG_TABLE, region: REGION, endpoint: dynamo.endpoint, credentials: catalogKey });
    undo.push(async () => catalog.close());
    const clicks = createLocalDirectoryStore({ root: clicksDirectory });
    undo.push(() => clicks.close());
    const incoming = options.incoming ?? { store: createLocalDirectoryStore({ root: arrivals }), uri: pathToFileURL(arrivals).href };
    if (options.incoming === undefined) undo.push(() => incoming.store.close());
    const mail = await startMailSink({ directory: join(options.home, 'mails'), ...(options.onMail && { onMail: options.onMail }) });
    undo.push(() => mail.stop());

    const served = await serveDays({
      days: options.days,
      preload: options.preload,
      api: { ...options.api, token },
      sales: createDuckDBSalesDatabase(salesFile, { memoryLimit: '256MB', threads: 1, scratchDir: join(options.home, 'scratch') }),
      catalog,
      clicks,
      incoming: incoming.store,
      log: (line) => options.log(line),
    });
    undo.push(() => served.api.stop());

    return {
      connections: {
        SALES: `duckdb://${pathToFileURL(salesFile).pathname}?timezone=UTC`,
        CUSTOMERS: `http://:${token}@${served.api.host}:${served.api.port}/v1`,
        CATALOG: `dynamodb://${catalogKey.accessKeyId}:${catalogKey.secretAccessKey}@${dynamo.host}:${dynamo.port}/${CATALOG_TABLE}?region=${REGION}&tls=false`,
        CLICKS: pathToFileURL(clicksDirectory).href,
        INCOMING: incoming.uri,
        MAIL: `smtp://${mail.host}:${mail.port}?from=millrace@localhost&to=team@localhost`,
      },
      loadDay: (date) => served.loadDay(date),
      setApiMode: (mode) => served.api.setMode(mode),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
