import { isIP } from 'node:net';
import { connect } from 'node:tls';
import kafkajs, { type ISocketFactory, type Kafka, type RetryOptions, type SASLOptions } from 'kafkajs';
import { untrustedCertificate } from './kafka-errors.js';

export interface KafkaClientOptions {
  /** `host:port` each. */
  brokers: readonly string[];
  /** `no-verify` encrypts and takes any certificate. */
  tls: 'off' | 'verify' | 'no-verify';
  sasl?: { mechanism: SaslMechanism; username: string; password: string };
  /** What brokers call us in their logs and quotas. */
  clientId: string;
  /** How often a request is tried, the first time included; default 8. */
  maxAttempts?: number;
}

export type SaslMechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512';

/** kafkajs for one call, with what it does not tell in its errors. */
export interface KafkaClient {
  kafka: Kafka;
  retry: RetryOptions;
  /** Aborted with a `MillraceError` as soon as a broker's certificate is not trusted. */
  untrusted: AbortSignal;
  /** `work`, or at once what `untrusted` says: kafkajs may go on to try the same certificate for seconds. */
  orUntrusted<T>(work: Promise<T>): Promise<T>;
  /** A broker has said that the user may not see the group: kafkajs says only that it has found no coordinator. */
  groupRefused(): boolean;
}

const REQUEST_TIMEOUT_MS = 30_000;
/** As kafkajs has it. */
const KEEP_ALIVE_MS = 60_000;

export function openKafkaClient({ brokers, tls, sasl, clientId, maxAttempts = 8 }: KafkaClientOptions): KafkaClient {
  const untrusted = new AbortController();
  const failed = new Promise<never>((_, reject) => {
    untrusted.signal.addEventListener('abort', () => reject(untrusted.signal.reason as Error), { once: true });
  });
  // Nobody may wait for it.
  failed.catch(() => undefined);
  let groupRefused = false;
  const retry = { retries: maxAttempts - 1, initialRetryTime: 200, maxRetryTime: 5_000 };

  const kafka = new kafkajs.Kafka({
    // By an empty list kafkajs gives up connecting.
    brokers: () => (untrusted.signal.aborted ? [] : [...brokers]),
    clientId,
    ssl: tls === 'off' ? false : { rejectUnauthorized: tls === 'verify' },
    ...(tls === 'verify' ? { socketFactory: verifiedSockets((address, error) => untrusted.abort(untrustedCertificate(address, error))) } : {}),
    ...(sasl === undefined ? {} : { sasl: sasl as SASLOptions }),
    connectionTimeout: 5_000,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry,
    // It would write to stdout; what matters comes as an error, but for this one.
    logLevel: kafkajs.logLevel.ERROR,
    logCreator: () => ({ log }) => {
      groupRefused ||= String(log['error']).includes('Group authorization failed');
    },
  });
  return { kafka, retry, untrusted: untrusted.signal, orUntrusted: (work) => Promise.race([work, failed]), groupRefused: () => groupRefused };
}

/** As kafkajs makes them, which takes a certificate that is not trusted for a broker that is down. */
function verifiedSockets(onUntrusted: (address: string, error: Error) => void): ISocketFactory {
  return ({ host, port, ssl, onConnect }) => {
    const socket = connect({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    // Node sets it before the error where the certificate is the reason: untrusted, expired, of another host.
    socket.once('error', (error) => socket.authorizationError && onUntrusted(`${host}:${port}`, error));
    return socket;
  };
}
