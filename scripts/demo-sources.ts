import '../src/quiet-aws.js';
/**
 * Fills source systems that already run (docker compose: MySQL, DynamoDB Local, an S3 gateway) with days of the demonstration,
 * and serves the customer API, until it is stopped.
 *
 *   MILLRACE_CONN_SALES      mysql://… or duckdb:///…    the table sales_lines is made and filled
 *   MILLRACE_CONN_CATALOG    dynamodb://…                the table is made and filled
 *   MILLRACE_CONN_CLICKS     s3://… or file:///…         clicks/YYYY-MM-DD/part-….jsonl.gz
 *   MILLRACE_CONN_CUSTOMERS  http://:TOKEN@host:port/v1  the API listens on this port and asks for this token
 *   MILLRACE_DEMO_HOST       the interface to listen on, default 127.0.0.1
 *
 *   node demo-sources.js [--date YYYY-MM-DD]… [--data DIR]
 */
import { parseArgs } from 'node:util';
import type { ConfigByRole } from '../src/connections/configs.js';
import { loadConnections } from '../src/connections/connections.js';
import { defaultDate } from '../src/demo/default-date.js';
import { generatedDays } from '../src/demo/generate-day.js';
import { createMysqlSalesDatabase } from '../src/demo/mysql-sales-database.js';
import { createProductCatalog } from '../src/demo/product-catalog.js';
import { retailFileDays } from '../src/demo/retail-files.js';
import { createDuckDBSalesDatabase, type SalesDatabase } from '../src/demo/sales-database.js';
import { serveDays } from '../src/demo/serve-days.js';
import { isMillraceError, MillraceError } from '../src/errors.js';
import { createLocalDirectoryStore } from '../src/object-store/local-directory.js';
import type { ObjectStore } from '../src/object-store/object-store.js';
import { createS3Store } from '../src/object-store/s3.js';

function salesDatabase(config: ConfigByRole['sql-source']): SalesDatabase {
  if (config.scheme === 'duckdb') return createDuckDBSalesDatabase(config.path, { memoryLimit: '256MB', threads: 1, scratchDir: `${config.path}.scratch` });
  const { host, port, user, password, database, tls } = config;
  const ssl = { off: false, verify: true, 'no-verify': { rejectUnauthorized: false } }[tls];
  return createMysqlSalesDatabase({ host, port, user, password, database, ssl });
}

function clickStore(config: ConfigByRole['object-store']): ObjectStore {
  return config.scheme === 'file' ? createLocalDirectoryStore({ root: config.root }) : createS3Store(config);
}

/** The API serves what its clients' connection says. */
function apiAddress({ baseUrl, auth }: ConfigByRole['rest-source']): { token: string; port: number } {
  const url = new URL(baseUrl);
  if (auth.kind !== 'bearer' || url.protocol !== 'http:' || url.port === '' || url.pathname !== '/v1') {
    throw new MillraceError('CONNECTION_MALFORMED', 'MILLRACE_CONN_CUSTOMERS does not name the demonstration: write http://:TOKEN@HOST:PORT/v1');
  }
  return { token: auth.token, port: Number(url.port) };
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { date: { type: 'string', multiple: true }, data: { type: 'string' } } });
  const connections = loadConnections({ env: process.env, root: process.cwd() });
  const sales = salesDatabase(connections.get('SALES', 'sql-source'));
  const catalog = createProductCatalog(connections.get('CATALOG', 'item-source'));
  const clicks = clickStore(connections.get('CLICKS', 'object-store'));
  const address = apiAddress(connections.get('CUSTOMERS', 'rest-source'));
  const days = values.data === undefined ? generatedDays() : retailFileDays(values.data);
  const preload = values.date ?? [await defaultDate(days, new Date())];
  const host = process.env['MILLRACE_DEMO_HOST'] || '127.0.0.1';

  const { api } = await serveDays({ days, preload, sales, catalog, clicks, api: { ...address, host }, log: (line) => console.log(line) });
  console.log(`customer API on ${api.host}:${api.port}`);
  await new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await api.stop();
  catalog.close();
  await clicks.close();
}

await main().catch((error: unknown) => {
  console.error(isMillraceError(error) ? `${error.code}: ${error.message}` : error);
  process.exitCode = 1;
});
