import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConnections } from '../../src/connections/connections.js';
import { createKafkaLog, type KafkaLogOptions } from '../../src/kafka/kafka-log.js';
import { findProjectRoot } from '../../src/project-root.js';
import { locateKafka, startKafka, type KafkaServer } from '../servers/kafka.js';
import { selfSignedCertificate } from '../servers/kafka-certificate.js';
import { startKafkaProxy, type KafkaProxy } from '../servers/kafka-proxy.js';
import { freePort } from '../servers/server-process.js';
import { describeWithServer } from '../support/with-server.js';

const never = new AbortController().signal;
const PASSWORD = 's3cret:of/ada';
const WRONG = 'wr0ng:of/ada';
const GROUP_LOAD_IN_PROGRESS = 14;
const JOINS = 3;

describeWithServer('a Kafka broker with further listeners', locateKafka, () => {
  let server: KafkaServer;
  let proxy: KafkaProxy;
  let secured: string;
  let pemFile: string;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-listeners-'));
    const certificate = await selfSignedCertificate(locateKafka().java, folder);
    pemFile = certificate.pemFile;
    const [port, controller, securedPort, proxiedPort] = [await freePort(), await freePort(), await freePort(), await freePort()];
    secured = `127.0.0.1:${securedPort}`;
    proxy = await startKafkaProxy(proxiedPort, { joins: JOINS, errorCode: GROUP_LOAD_IN_PROGRESS });
    const module = (name: string): string => `org.apache.kafka.common.security.${name}LoginModule required`;
    server = await startKafka({
      port,
      controllerPort: controller,
      // Of settings that come again, the last one counts.
      settings: [
        `listeners=PLAINTEXT://127.0.0.1:${port},SECURED://${secured},PROXIED://127.0.0.1:${proxiedPort},CONTROLLER://127.0.0.1:${controller}`,
        `advertised.listeners=PLAINTEXT://127.0.0.1:${port},SECURED://${secured},PROXIED://127.0.0.1:${proxy.port}`,
        'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL,PROXIED:PLAINTEXT',
        'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        `listener.name.secured.plain.sasl.jaas.config=${module('plain.Plain')} user_ada="${PASSWORD}";`,
        `listener.name.secured.scram-sha-256.sasl.jaas.config=${module('scram.Scram')};`,
        `listener.name.secured.scram-sha-512.sasl.jaas.config=${module('scram.Scram')};`,
        ...certificate.settings('secured'),
      ],
      format: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=ada,password=${PASSWORD}]`]),
    });
    await server.createTopic('secured');
    await server.createTopic('proxied');
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    await proxy?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** As a worker builds it from the connection's URI. */
  const logOf = (password: string, query: string): { log: ReturnType<typeof createKafkaLog>; config: KafkaLogOptions } => {
    const config = loadConnections({ env: { MILLRACE_CONN_KAFKA_DEFAULT: `kafka://ada:${encodeURIComponent(password)}@${secured}?${query}` }, root: folder }).get('KAFKA_DEFAULT', 'message-log');
    return { log: createKafkaLog(config), config };
  };
  const failureOf = async (work: Promise<unknown>): Promise<unknown> => work.then(() => 'it succeeded', (error: unknown) => error);

  describe.each(['plain', 'scram-sha-256', 'scram-sha-512'])('with SASL %s over TLS', (mechanism) => {
    it('lets the right password write and read', async () => {
      const { log } = logOf(PASSWORD, `sasl=${mechanism}&tls=no-verify`);
      const { low, end } = (await log.bounds('secured', { signal: never }))[0]!;
      expect(low).toBe(0);
      await log.produce('secured', [[{ key: 'a', value: mechanism }]], { signal: never });
      const read: (string | undefined)[] = [];
      await log.consume(
        { topic: 'secured', group: `secured-${mechanism}`, ranges: [{ partition: 0, from: end, to: end + 1 }], reader: 1 },
        { onMessages: (_, messages) => void read.push(...messages.map(({ value }) => value?.toString())), settle: () => Promise.resolve() },
        { signal: never },
      );
      expect(read).toEqual([mechanism]);
    }, 60_000);

    it('refuses a wrong password at once, in words, and without repeating it', async () => {
      const { log } = logOf(WRONG, `sasl=${mechanism}&tls=no-verify`);
      const error = await failureOf(log.bounds('secured', { signal: never }));
      expect(error).toMatchObject({ code: 'SOURCE_FORBIDDEN', retryable: false, message: expect.stringMatching(/Check user, password, sasl= and tls=/) as string });
      expect(await failureOf(log.produce('secured', [[{ key: 'a', value: 'b' }]], { signal: never }))).toMatchObject({ code: 'SOURCE_FORBIDDEN' });
      for (const secret of [WRONG, encodeURIComponent(WRONG), Buffer.from(WRONG).toString('base64')]) expect(inspect(error, { depth: 10 })).not.toContain(secret);
    }, 60_000);
  });

  it('refuses a certificate that nobody vouches for, and says how to', async () => {
    const { log } = logOf(PASSWORD, 'sasl=plain');
    expect(await failureOf(log.bounds('secured', { signal: never }))).toMatchObject({ code: 'SOURCE_FORBIDDEN', retryable: false, message: expect.stringContaining('NODE_EXTRA_CA_CERTS') as string });
  }, 60_000);

  it('takes a certificate whose CA is in NODE_EXTRA_CA_CERTS', async () => {
    const { config } = logOf(PASSWORD, 'sasl=scram-sha-512');
    expect(config).toMatchObject({ tls: 'verify', sasl: { mechanism: 'scram-sha-512' } });
    const child = promisify(execFile)(process.execPath, ['--import', 'tsx', join(findProjectRoot(), 'test/support/check-kafka.ts'), JSON.stringify(config)], { env: { ...process.env, NODE_EXTRA_CA_CERTS: pemFile } });
    expect((await child).stdout).toContain(`kafka://${secured} has 1 broker`);
  }, 60_000);

  it('is waited for while it loads its groups: the first joins are answered so, and tried again', async () => {
    const log = createKafkaLog({ brokers: [`127.0.0.1:${proxy.port}`], tls: 'off', clientId: 'test' });
    await log.produce('proxied', [[{ key: 'a', value: 'b' }]], { signal: never });
    const read = log.consume({ topic: 'proxied', group: 'proxied', ranges: [{ partition: 0, from: 0, to: 1 }], reader: 1 }, { onMessages: () => {}, settle: () => Promise.resolve('read') }, { signal: never });
    expect(await read).toBe('read');
    expect(proxy.refusedJoins()).toBe(JOINS);
    expect(await log.committed('proxied', 'proxied')).toEqual([{ partition: 0, offset: 1 }]);
  }, 60_000);
});
