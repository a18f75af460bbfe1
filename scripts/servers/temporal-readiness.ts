import { Connection } from '@temporalio/client';
import temporalProto from '@temporalio/proto';
import pRetry from 'p-retry';
import { registerSearchAttributes } from '../../src/runs/search-attributes.js';
import { answers } from '../../src/stack/ports.js';

const { ServingStatus } = temporalProto.grpc.health.v1.HealthCheckResponse;
const { Duration } = temporalProto.google.protobuf;

export interface NamespaceSettings {
  namespace: string;
  /** Days for which closed runs can be looked at. */
  retentionDays: number;
  /** Names of the keyword search attributes that runs carry. */
  searchAttributes: readonly string[];
}

const POLL_MS = 50;
const CALL_TIMEOUT_MS = 5000;

/**
 * Waits until the server at `address` answers for `namespace`, and gives the namespace its retention and search attributes.
 * Ends with the reason of `signal` when that is aborted.
 */
export async function untilReady(address: string, settings: NamespaceSettings, signal: AbortSignal): Promise<void> {
  const often = { retries: Infinity, factor: 1, minTimeout: POLL_MS, maxTimeout: POLL_MS, signal } as const;
  // Without a listener a gRPC channel would wait longer and longer between its attempts.
  await pRetry(async () => {
    if (!(await answers(address))) throw new Error(`nobody listens on ${address}`);
  }, often);

  const connection = await pRetry(() => Connection.connect({ address, connectTimeout: CALL_TIMEOUT_MS }), often);
  try {
    await pRetry(() => serving(connection), often);
    await pRetry(() => settle(connection, settings), often);
  } finally {
    await connection.close();
  }
}

async function serving(connection: Connection): Promise<void> {
  const { status } = await call(connection, () => connection.healthService.check({ service: 'temporal.api.workflowservice.v1.WorkflowService' }));
  if (status !== ServingStatus.SERVING) throw new Error(`the server's health is ${ServingStatus[status]}`);
}

async function settle(connection: Connection, { namespace, retentionDays, searchAttributes }: NamespaceSettings): Promise<void> {
  const seconds = retentionDays * 86_400;
  const described = await call(connection, () => connection.workflowService.describeNamespace({ namespace }));
  if (Number(described.config?.workflowExecutionRetentionTtl?.seconds ?? 0) !== seconds) {
    await call(connection, () => connection.workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl: Duration.fromObject({ seconds }) } }));
  }

  await call(connection, () => registerSearchAttributes(connection, namespace, searchAttributes));
}

async function call<T>(connection: Connection, request: () => Promise<T>): Promise<T> {
  return await connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, request);
}
