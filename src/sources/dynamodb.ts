import { DescribeTableCommand, DynamoDBClient, ScanCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { translateDynamoDbError } from './dynamodb-errors.js';
import { itemAsText } from './dynamodb-values.js';
import type { ItemSource, TextItem } from './item-source.js';
import { mergeIterables } from './merge-iterables.js';

export interface DynamoDbSourceOptions {
  table: string;
  region: string;
  /** Only for DynamoDB Local and its like. */
  endpoint?: string;
  /** Default: where the AWS SDK looks (environment, profile, role). */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** Calls of one page, the first included; the SDK waits longer before each, longest when throttled. Default 8. */
  maxAttempts?: number;
  /** Milliseconds for one answer; default 30 000. */
  timeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * A DynamoDB table. The scan reads consistently (at twice the read units): an item that was written before it began and stays
 * as it is, is read. Numbers arrive as the digits that DynamoDB sends.
 */
export function createDynamoDbSource(options: DynamoDbSourceOptions): ItemSource {
  const { table, region, credentials } = options;
  const where = `dynamodb://${region}/${table}`;
  const secrets = [credentials?.secretAccessKey, credentials?.sessionToken];
  const client = new DynamoDBClient({
    region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(credentials ? { credentials } : {}),
    maxAttempts: options.maxAttempts ?? 8,
    retryMode: 'standard',
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, requestTimeout: options.timeoutMs ?? 30_000, throwOnRequestTimeout: true },
  });

  async function* scanSegment(segment: number, segments: number, signal: AbortSignal): AsyncGenerator<readonly TextItem[]> {
    let start: Record<string, AttributeValue> | undefined;
    do {
      signal.throwIfAborted();
      const command = new ScanCommand({
        TableName: table,
        ConsistentRead: true,
        ...(segments > 1 ? { Segment: segment, TotalSegments: segments } : {}),
        ...(start ? { ExclusiveStartKey: start } : {}),
      });
      const page = await client.send(command, { abortSignal: signal }).catch((error: unknown) => {
        signal.throwIfAborted();
        throw translateDynamoDbError(error, where, secrets);
      });
      // A page may be empty and not the last: only a missing key ends the scan.
      if (page.Items && page.Items.length > 0) yield page.Items.map(itemAsText);
      start = page.LastEvaluatedKey;
    } while (start);
  }

  return {
    description: where,
    async *scan({ segments }, { signal }) {
      const stop = new AbortController();
      const onAbort = (): void => stop.abort(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        signal.throwIfAborted();
        const scans = Array.from({ length: segments }, (_, segment) => scanSegment(segment, segments, stop.signal));
        yield* mergeIterables(scans);
      } finally {
        // When one segment fails or the caller leaves, the others' calls end too.
        signal.removeEventListener('abort', onAbort);
        stop.abort();
      }
    },
    async check() {
      const { Table } = await client.send(new DescribeTableCommand({ TableName: table })).catch((error: unknown) => {
        throw translateDynamoDbError(error, where, secrets);
      });
      return `${where} is ${Table?.TableStatus ?? 'there'}, about ${Table?.ItemCount ?? 0} items.`;
    },
    close() {
      client.destroy();
      return Promise.resolve();
    },
  };
}
