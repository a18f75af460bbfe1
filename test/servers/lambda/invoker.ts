import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { StoredVersion } from './functions.js';
import { LambdaProblem } from './problems.js';
import { startSandbox, type FunctionError, type Outcome, type Sandbox } from './sandbox.js';

/** What one invocation meets instead of an ordinary one. */
export type Disturbance =
  /** 429, with the hint where it is given. */
  | { kind: 'throttle'; retryAfterSeconds?: number }
  /** 500 of the service itself. */
  | { kind: 'service-error' }
  /** An error of the function's that its runtime has handled; the code does not run. */
  | ({ kind: 'handled-error' } & FunctionError)
  /** The function runs to its end, and the connection breaks instead of an answer. */
  | { kind: 'lost-answer' };

export interface Invocation {
  requestId: string;
  function: string;
  version: string;
  type: 'RequestResponse' | 'Event';
  event: string;
  /** Whether a process had to be started. */
  cold: boolean;
  outcome?: Outcome;
}

/** Lambda sends the last 4 KB of an invocation's log. */
const LOG_TAIL_BYTES = 4096;
/** How often Lambda tries an asynchronous invocation that fails: once, and twice again. It waits a minute; we do not. */
const EVENT_ATTEMPTS = 3;

/** Runs code in sandboxes, as many at a time as are asked for. */
export function createInvoker(options: { environment: Readonly<Record<string, string>>; coldStartMs: number }) {
  const invocations: Invocation[] = [];
  const idle = new Map<string, Sandbox[]>();
  const busy = new Map<string, number>();
  const all = new Set<Sandbox>();
  const background = new Set<Promise<void>>();
  const stopping = new AbortController();
  let disturbances: Disturbance[] = [];

  async function run(version: StoredVersion, event: string, requestId: string, type: Invocation['type']): Promise<Outcome> {
    const { FunctionName, Version } = version.configuration;
    const waiting = idle.get(version.codeDir) ?? [];
    idle.set(version.codeDir, waiting);
    busy.set(FunctionName, (busy.get(FunctionName) ?? 0) + 1);
    const warm = waiting.pop();
    const invocation: Invocation = { requestId, function: FunctionName, version: Version, type, event, cold: warm === undefined };
    invocations.push(invocation);
    try {
      const sandbox = warm ?? (await startSandbox({ version, ...options }));
      all.add(sandbox);
      const outcome = await sandbox.invoke(event, requestId);
      if (sandbox.usable) waiting.push(sandbox);
      invocation.outcome = outcome;
      return outcome;
    } finally {
      busy.set(FunctionName, busy.get(FunctionName)! - 1);
    }
  }

  async function runInBackground(version: StoredVersion, event: string, requestId: string): Promise<void> {
    for (let attempt = 1; attempt <= EVENT_ATTEMPTS && !stopping.signal.aborted; attempt += 1) {
      const outcome = await run(version, event, requestId, 'Event');
      if (!('error' in outcome)) return;
    }
  }

  return {
    invocations,
    disturb(next: Disturbance[]): void {
      disturbances = [...next];
    },
    async serve(version: StoredVersion & { reservedConcurrency?: number }, body: Buffer, headers: IncomingHttpHeaders, response: ServerResponse): Promise<void> {
      const type = headers['x-amz-invocation-type'] ?? 'RequestResponse';
      if (type === 'DryRun') return void response.writeHead(204).end();
      const event = body.length === 0 ? '{}' : body.toString('utf8');
      assertJson(event);
      const disturbance = disturbances.shift();
      if (disturbance?.kind === 'throttle') throw throttled(disturbance.retryAfterSeconds);
      if (disturbance?.kind === 'service-error') throw new LambdaProblem(500, 'ServiceException', 'The AWS Lambda service encountered an internal error.');
      if ((busy.get(version.configuration.FunctionName) ?? 0) >= (version.reservedConcurrency ?? Infinity)) throw throttled(1);

      const requestId = randomUUID();
      response.setHeader('x-amzn-RequestId', requestId);
      response.setHeader('X-Amz-Executed-Version', version.configuration.Version);
      if (type === 'Event') {
        // Whoever has sent an event never hears what became of it.
        const work = runInBackground(version, event, requestId).catch(() => undefined);
        background.add(work);
        return void response.writeHead(202).end();
      }
      if (disturbance?.kind === 'handled-error') {
        const { errorType, errorMessage } = disturbance;
        return answer(response, { error: { errorType, errorMessage }, log: '' }, 'Handled', headers);
      }
      const outcome = await run(version, event, requestId, 'RequestResponse');
      if (disturbance?.kind === 'lost-answer') return void response.destroy();
      return answer(response, outcome, 'Unhandled', headers);
    },
    async stop(): Promise<void> {
      stopping.abort();
      await Promise.all([...all].map((sandbox) => sandbox.stop()));
      await Promise.all(background);
      // Those that were starting.
      await Promise.all([...all].map((sandbox) => sandbox.stop()));
    },
  };
}

function answer(response: ServerResponse, outcome: Outcome, kind: 'Handled' | 'Unhandled', headers: IncomingHttpHeaders): void {
  const tail = Buffer.from(outcome.log).subarray(-LOG_TAIL_BYTES).toString('base64');
  response.writeHead(200, {
    'content-type': 'application/json',
    ...(headers['x-amz-log-type'] === 'Tail' ? { 'X-Amz-Log-Result': tail } : {}),
    ...('error' in outcome ? { 'X-Amz-Function-Error': kind } : {}),
  });
  response.end('error' in outcome ? JSON.stringify(outcome.error) : outcome.payload);
}

function assertJson(event: string): void {
  try {
    JSON.parse(event);
  } catch {
    throw new LambdaProblem(400, 'InvalidRequestContentException', 'Could not parse request body into json');
  }
}

function throttled(retryAfterSeconds: number | undefined): LambdaProblem {
  return new LambdaProblem(429, 'TooManyRequestsException', 'Rate Exceeded.', retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) });
}
