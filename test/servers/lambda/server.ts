import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFunctions } from './functions.js';
import { createInvoker, type Disturbance, type Invocation } from './invoker.js';
import { LambdaProblem } from './problems.js';

export interface LambdaServerOptions {
  /** Default: any free one. */
  port?: number;
  region?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string };
  /** What every sandbox has in its environment, as its role and its network would give it: credentials, `AWS_ENDPOINT_URL_S3`. */
  environment?: Readonly<Record<string, string>>;
  /** Milliseconds that the start of a sandbox takes longer than a process does; default 0. */
  coldStartMs?: number;
}

export interface LambdaServer {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  /** Every invocation that has begun, in order. */
  readonly invocations: readonly Invocation[];
  /** The next invocations meet these, one each. */
  disturb(...next: Disturbance[]): void;
  stop(): Promise<void>;
}

/** Lambda's limit for the payload of a synchronous invocation. */
const PAYLOAD_LIMIT = 6 * 1024 * 1024;
/** The limit for a zip that is sent with the request, in base64. */
const BODY_LIMIT = 70 * 1024 * 1024;

/**
 * AWS Lambda's API on a loopback port, as far as deploying and invoking needs it. The uploaded code runs: each sandbox is a process of its
 * own, is kept for the next invocation, and is killed at its timeout.
 */
export async function startLambdaServer(options: LambdaServerOptions = {}): Promise<LambdaServer> {
  const { region = 'eu-central-1', credentials = { accessKeyId: 'AKIALAMBDATEST', secretAccessKey: 'secret of a throw-away Lambda' } } = options;
  const folder = await mkdtemp(join(tmpdir(), 'millrace-lambda-'));
  const functions = createFunctions({ region, folder });
  const invoker = createInvoker({ environment: { AWS_REGION: region, ...options.environment }, coldStartMs: options.coldStartMs ?? 0 });

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    authorise(request, credentials.accessKeyId);
    const url = new URL(request.url ?? '/', 'http://localhost');
    const [api, kind, given, part, item] = url.pathname.slice(1).split('/').map(decodeURIComponent);
    const name = given?.split(':').at(-1) ?? '';
    const qualifier = url.searchParams.get('Qualifier');
    const body = await readBody(request, part === 'invocations' ? PAYLOAD_LIMIT : BODY_LIMIT);
    const fields = (): Record<string, unknown> => parseFields(body);
    const reply = (value: unknown, status = 200): void => sendJson(response, status, value);
    if (kind !== 'functions') throw unknown(request);
    switch (`${request.method} ${api} ${part ?? ''}`.trim()) {
      case 'POST 2015-03-31 invocations':
        return invoker.serve(functions.version(name, qualifier), body, request.headers, response);
      case 'POST 2015-03-31':
        return reply(await functions.create(fields()), 201);
      case 'GET 2015-03-31':
        return reply({ Configuration: functions.describe(name, qualifier), Code: { RepositoryType: 'S3' } });
      case 'DELETE 2015-03-31':
        functions.remove(name);
        return void response.writeHead(204).end();
      case 'GET 2015-03-31 configuration':
        return reply(functions.describe(name, qualifier));
      case 'PUT 2015-03-31 configuration':
        return reply(functions.updateConfiguration(name, fields()));
      case 'PUT 2015-03-31 code':
        return reply(await functions.updateCode(name, fields()));
      case 'POST 2015-03-31 versions':
        return reply(functions.publish(name, fields()), 201);
      case 'GET 2015-03-31 versions':
        return reply(functions.versions(name));
      case 'GET 2015-03-31 aliases':
        return reply(functions.alias(name, item ?? ''));
      case 'POST 2015-03-31 aliases':
        return reply(functions.setAlias(name, String(fields()['Name']), fields(), 'create'), 201);
      case 'PUT 2015-03-31 aliases':
        return reply(functions.setAlias(name, item ?? '', fields(), 'update'));
      case 'PUT 2017-10-31 concurrency':
        return reply(functions.setConcurrency(name, fields()));
      default:
        throw unknown(request);
    }
  }

  const server = createServer((request, response) => {
    response.setHeader('x-amzn-RequestId', randomUUID());
    route(request, response).catch((error: unknown) => {
      const problem = error instanceof LambdaProblem ? error : new LambdaProblem(500, 'ServiceException', String(error));
      for (const [header, value] of Object.entries(problem.headers)) response.setHeader(header, value);
      response.setHeader('x-amzn-ErrorType', problem.type);
      sendJson(response, problem.status, { Type: problem.status < 500 ? 'User' : 'Server', Message: problem.message, message: problem.message });
    });
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region,
    credentials,
    invocations: invoker.invocations,
    disturb: (...next) => invoker.disturb(next),
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await invoker.stop();
      await closed;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** That the request is signed, and by whom it says; the signature itself is not computed. */
function authorise({ headers: { authorization } }: IncomingMessage, accessKeyId: string): void {
  const credential = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/[^/]+\/lambda\/aws4_request, SignedHeaders=\S+, Signature=[0-9a-f]{64}$/.exec(authorization ?? '');
  if (!credential) throw new LambdaProblem(403, 'MissingAuthenticationTokenException', 'Missing Authentication Token');
  if (credential[1] !== accessKeyId) throw new LambdaProblem(403, 'UnrecognizedClientException', 'The security token included in the request is invalid.');
}

async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= limit) chunks.push(chunk);
  }
  if (bytes > limit) throw new LambdaProblem(413, 'RequestTooLargeException', `Request must be smaller than ${limit} bytes for the InvokeFunction operation`);
  return Buffer.concat(chunks);
}

function parseFields(body: Buffer): Record<string, unknown> {
  return body.length === 0 ? {} : (JSON.parse(body.toString('utf8')) as Record<string, unknown>);
}

function unknown({ method, url }: IncomingMessage): LambdaProblem {
  return new LambdaProblem(404, 'UnknownOperationException', `this server knows no ${method} ${url}`);
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
