import {
  BatchWriteItemCommand,
  CreateTableCommand,
  DynamoDBClient,
  ResourceInUseException,
  waitUntilTableExists,
  type AttributeValue,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import pRetry from 'p-retry';
import { isMillraceError, MillraceError } from '../errors.js';
import { translateDynamoDbError } from '../sources/dynamodb-errors.js';
import type { Product } from './demo-day.js';

export interface ProductCatalogOptions {
  table: string;
  region: string;
  /** Absent: the region's own. */
  endpoint?: string;
  /** Absent: where the AWS SDK looks. */
  credentials?: { accessKeyId: string; secretAccessKey: string };
}

/** A DynamoDB table that the demonstration fills. Errors: the `SOURCE_…` codes of DynamoDB. */
export interface ProductCatalog {
  /** Puts every product, creating the table (hash key `stock_code`) when it is missing; one with the same code is replaced. */
  put(products: readonly Product[]): Promise<void>;
  close(): void;
}

/** BatchWriteItem takes no more. */
const ITEMS_PER_BATCH = 25;
const PARALLEL_BATCHES = 4;
/** For items that DynamoDB leaves unprocessed when it throttles; the client itself retries whole requests only. */
const UNPROCESSED_RETRIES = 6;
const TABLE_WAIT_SECONDS = 60;

export function createProductCatalog(options: ProductCatalogOptions): ProductCatalog {
  const { table, region, endpoint, credentials } = options;
  const client = new DynamoDBClient({ region, ...(endpoint === undefined ? {} : { endpoint }), ...(credentials ? { credentials } : {}) });
  return {
    put: async (products) => {
      try {
        await ensureTable(client, table);
        await putAll(client, table, products);
      } catch (error) {
        throw translateDynamoDbError(error, `dynamodb://${region}/${table}`, [credentials?.secretAccessKey]);
      }
    },
    close: () => client.destroy(),
  };
}

async function ensureTable(client: DynamoDBClient, table: string): Promise<void> {
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

async function putAll(client: DynamoDBClient, table: string, products: readonly Product[]): Promise<void> {
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
  const send = async (): Promise<void> => {
    const { UnprocessedItems } = await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: open } }));
    open = UnprocessedItems?.[table] ?? [];
    if (open.length > 0) throw new MillraceError('SOURCE_RATE_LIMITED', `the table ${table} leaves products unwritten: raise its write capacity`);
  };
  await pRetry(send, { retries: UNPROCESSED_RETRIES, minTimeout: 50, shouldRetry: ({ error }) => isMillraceError(error) });
}
