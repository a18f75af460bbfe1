import type { ServerResponse } from 'node:http';
import { CreateTableCommand, DynamoDBClient, PutItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { startDynalite } from '../../src/demo/dynalite-server.js';
import { startHttpServer, type HttpCall } from './http.js';

/** Answers a request in the server's place, or returns `false` to let it pass. */
export type DynamoDbInterceptor = (call: HttpCall & { operation: string }, response: ServerResponse) => boolean | Promise<boolean>;

export interface DynamoDbServer {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  /** Every request so far, in order of arrival. */
  calls: HttpCall[];
  /** dynalite has all the power and no troubles: this puts them in front of it. */
  intercept(interceptor: DynamoDbInterceptor): void;
  createTable(table: string, items: Record<string, AttributeValue>[]): Promise<void>;
  stop(): Promise<void>;
}

/** dynalite in this process behind an HTTP server that can misbehave; tables have the string key `id`. */
export async function startDynamoDb(): Promise<DynamoDbServer> {
  const dynalite = await startDynalite();
  const region = 'eu-central-1';
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret-of-the-test-table' };
  let interceptor: DynamoDbInterceptor = () => false;
  const front = await startHttpServer(async (call, response) => {
    const operation = String(call.headers['x-amz-target']).split('.')[1] ?? '';
    if (await interceptor({ ...call, operation }, response)) return;
    const { host: _, 'content-length': __, connection: ___, ...headers } = call.headers as Record<string, string>;
    const answer = await fetch(dynalite.endpoint, { method: call.method, headers, body: call.body });
    sendAmzJson(response, answer.status, await answer.text());
  });
  const client = new DynamoDBClient({ endpoint: dynalite.endpoint, region, credentials });
  return {
    endpoint: front.url,
    region,
    credentials,
    calls: front.calls,
    intercept: (next) => {
      interceptor = next;
    },
    async createTable(table, items) {
      await client.send(
        new CreateTableCommand({
          TableName: table,
          AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
          KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
          BillingMode: 'PAY_PER_REQUEST',
        }),
      );
      for (const item of items) await client.send(new PutItemCommand({ TableName: table, Item: item }));
    },
    async stop() {
      client.destroy();
      await front.stop();
      await dynalite.stop();
    },
  };
}

export function sendAmzJson(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(body);
}

/** An error as the service reports it: `ThrottlingException`, … */
export function sendAmzError(response: ServerResponse, status: number, type: string, message = 'as the test wants'): void {
  sendAmzJson(response, status, JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message }));
}
