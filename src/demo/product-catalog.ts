import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  BatchWriteItemCommand,
  CreateTableCommand,
  ResourceInUseException,
  waitUntilTableExists,
  type AttributeValue,
  type DynamoDBClient,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import { MillraceError } from '../errors.js';
import type { Product } from './demo-day.js';

/** BatchWriteItem takes no more. */
const ITEMS_PER_BATCH = 25;
const PARALLEL_BATCHES = 4;
/** For items that DynamoDB leaves unprocessed when it throttles; the client itself retries whole requests only. */
const UNPROCESSED_ATTEMPTS = 8;
const TABLE_WAIT_SECONDS = 60;

/** An in-process DynamoDB in memory, on a free port of the loopback interface. */
export async function startDynalite(): Promise<{ host: string; port: number; endpoint: string; stop(): Promise<void> }> {
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  const host = '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  return {
    host,
    port,
    endpoint: `http://${host}:${port}`,
    stop: async () => {
      const closed = new Promise<void>((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
      });
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Creates the table (hash key `stock_code`) when it is missing, and waits until it takes items. */
export async function ensureCatalogTable(client: DynamoDBClient, table: string): Promise<void> {
  try {
    await client.send(
      new CreateTableCommand({
        TableName: table,
        AttributeDefinitions: [{ AttributeName: 'stock_code', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'stock_code', KeyType: 'HASH' }],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    );
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
  }
  await waitUntilTableExists({ client, maxWaitTime: TABLE_WAIT_SECONDS, minDelay: 1, maxDelay: 2 }, { TableName: table });
}

/** Puts every product; one with the same code is replaced. `SOURCE_RATE_LIMITED` when the table keeps refusing items. */
export async function putProducts(client: DynamoDBClient, table: string, products: readonly Product[]): Promise<void> {
  const batches: WriteRequest[][] = [];
  for (let start = 0; start < products.length; start += ITEMS_PER_BATCH) {
    batches.push(products.slice(start, start + ITEMS_PER_BATCH).map((product) => ({ PutRequest: { Item: itemOf(product) } })));
  }
  const queue = batches.values();
  await Promise.all(
    Array.from({ length: PARALLEL_BATCHES }, async () => {
      for (const batch of queue) await putBatch(client, table, batch);
    }),
  );
}

function itemOf(product: Product): Record<string, AttributeValue> {
  return {
    stock_code: { S: product.stock_code },
    name: { S: product.name },
    category: { S: product.category },
    ...(product.list_price === null ? {} : { list_price: { N: product.list_price } }),
  };
}

async function putBatch(client: DynamoDBClient, table: string, batch: WriteRequest[]): Promise<void> {
  let open = batch;
  for (let attempt = 0; attempt < UNPROCESSED_ATTEMPTS; attempt += 1) {
    if (attempt > 0) await delay(50 * 2 ** attempt);
    const { UnprocessedItems } = await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: open } }));
    open = UnprocessedItems?.[table] ?? [];
    if (open.length === 0) return;
  }
  throw new MillraceError('SOURCE_RATE_LIMITED', `the table ${table} left ${open.length} products unwritten in ${UNPROCESSED_ATTEMPTS} attempts: raise its write capacity`);
}
