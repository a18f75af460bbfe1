import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpCall {
  method: string;
  url: URL;
  headers: IncomingMessage['headers'];
  body: string;
  /** Milliseconds since the epoch when the request had arrived. */
  at: number;
}

/** Answers one request; it may also leave it hanging, or destroy `response.socket`. */
export type HttpHandler = (call: HttpCall, response: ServerResponse) => void | Promise<void>;

export interface HttpServer {
  url: string;
  /** Every request so far, in order of arrival. */
  calls: HttpCall[];
  /** Replaces the handler for the requests to come. */
  answer(handler: HttpHandler): void;
  /** Resolves when the server has seen this many requests since it started. */
  untilCalls(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** A programmable HTTP server on a free loopback port. */
export async function startHttpServer(handler: HttpHandler): Promise<HttpServer> {
  const calls: HttpCall[] = [];
  const waiting = new Set<() => void>();
  let current = handler;
  const server = createServer((request, response) => {
    void serve(request, response);
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const url = new URL(request.url ?? '/', `http://${request.headers.host ?? 'localhost'}`);
      const body = Buffer.concat(chunks).toString('utf8');
      const call = { method: request.method ?? '', url, headers: request.headers, body, at: Date.now() };
      calls.push(call);
      for (const wake of waiting) wake();
      await current(call, response);
    } catch (error) {
      response.destroy(error as Error);
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    answer: (next) => {
      current = next;
    },
    untilCalls: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (calls.length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function sendJson(response: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
