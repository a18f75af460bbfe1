import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, promisify } from 'node:util';
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadConnections } from '../../src/connections/connections.js';
import { createKafkaLog, type KafkaLogOptions } from '../../src/kafka/kafka-log.js';
import type { MessageLog } from '../../src/kafka/message-log.js';
import { findProjectRoot } from '../../src/project-root.js';
import { locateKafka, startKafka, type KafkaServer } from '../servers/kafka.js';
import { selfSignedCertificate } from '../servers/kafka-certificate.js';
import { startKafkaProxy, type KafkaProxy } from '../servers/kafka-proxy.js';
import { freePort } from '../servers/server-process.js';
import { startTcpProxy } from '../servers/tcp-proxy.js';
import { describeWithServer } from '../support/with-server.js';

const never = new AbortController().signal;
const PASSWORD = 's3cret:of/ada';
const WRONG = 'wr0ng:of/ada';
const GROUP_LOAD_IN_PROGRESS = 14;
const JOINS = 3;

const { DESCRIBE, READ, WRITE } = AclOperationTypes;
/** What users may do besides `ada`, who may do everything: on topics by their names, on groups that begin with `millrace-`. */
const GRANTS: Record<string, { topics?: Record<string, readonly AclOperationTypes[]>; group?: readonly AclOperationTypes[] }> = {
  nobody: {},
  documented: { topics: { guarded: [READ, DESCRIBE, WRITE] }, group: [READ] },
  describer: { topics: { guarded: [DESCRIBE] }, group: [READ] },
  groupless: { topics: { guarded: [READ] } },
  onlooker: { topics: { guarded: [READ] }, group: [DESCRIBE] },
  elsewhere: { topics: { guarded: [READ], secured: [WRITE] } },
};

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
        `listener.name.secured.plain.sasl.jaas.config=${module('plain.Plain')} ${['ada', ...Object.keys(GRANTS)].map((user) => `user_${user}="${PASSWORD}"`).join(' ')};`,
        `listener.name.secured.scram-sha-256.sasl.jaas.config=${module('scram.Scram')};`,
        `listener.name.secured.scram-sha-512.sasl.jaas.config=${module('scram.Scram')};`,
        ...certificate.settings('secured'),
        'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users=User:ANONYMOUS;User:ada',
      ],
      format: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=ada,password=${PASSWORD}]`]),
    });
    await server.createTopic('secured');
    await server.createTopic('proxied');
    await server.createTopic('guarded');
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    await proxy?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** As a worker builds it from the connection's URI. */
  const logOf = (password: string, query: string, user = 'ada'): { log: ReturnType<typeof createKafkaLog>; config: KafkaLogOptions } => {
    const config = loadConnections({ env: { MILLRACE_CONN_KAFKA_DEFAULT: `kafka://${user}:${encodeURIComponent(password)}@${secured}?${query}` }, root: folder }).get('KAFKA_DEFAULT', 'message-log');
    return { log: createKafkaLog(config), config };
  };
  /** What a process says that trusts the broker's certificate. */
  const checkedWithCa = async (config: KafkaLogOptions): Promise<string> => {
    const child = promisify(execFile)(process.execPath, ['--import', 'tsx', join(findProjectRoot(), 'test/support/check-kafka.ts'), JSON.stringify(config)], { env: { ...process.env, NODE_EXTRA_CA_CERTS: pemFile } });
    return (await child).stdout;
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

  it('refuses a certificate that nobody vouches for at its first sight, and says how to', async () => {
    const between = await startTcpProxy(`http://${secured}`);
    const log = createKafkaLog({ brokers: [new URL(between.url).host], tls: 'verify', clientId: 'test' });
    const error = await failureOf(log.bounds('secured', { signal: never }));
    expect(between.connections()).toBe(1);
    expect(error).toMatchObject({ code: 'SOURCE_FORBIDDEN', retryable: false, message: expect.stringMatching(/kafka:\/\/127.*not trusted.*NODE_EXTRA_CA_CERTS/) as string });
    await between.stop();
  }, 60_000);

  it('tries a broker again whose connection breaks before its certificate is seen', async () => {
    const between = await startTcpProxy(`http://${secured}`);
    between.disturb({ afterBytes: 0, fate: 'cut', times: Infinity });
    const log = createKafkaLog({ brokers: [new URL(between.url).host], tls: 'verify', clientId: 'test', maxAttempts: 3 });
    const error = await failureOf(log.bounds('secured', { signal: never }));
    expect(between.connections()).toBe(3);
    expect(error).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryable: true });
    await between.stop();
  }, 60_000);

  it('takes a certificate whose CA is in NODE_EXTRA_CA_CERTS', async () => {
    const { config } = logOf(PASSWORD, 'sasl=scram-sha-512');
    expect(config).toMatchObject({ tls: 'verify', sasl: { mechanism: 'scram-sha-512' } });
    expect(await checkedWithCa(config)).toContain(`kafka://${secured} has 1 broker`);
  }, 60_000);

  it('refuses a certificate of another host, whoever vouches for it', async () => {
    const elsewhere = secured.replace('127.0.0.1', 'localhost');
    expect(await checkedWithCa({ ...logOf(PASSWORD, 'sasl=plain').config, brokers: [elsewhere] })).toMatch(/kafka:\/\/localhost:\d+ is not trusted .*altnames/);
  }, 60_000);

  describe('with an authorizer', () => {
    const GROUP = 'millrace-guarded';
    beforeAll(async () => {
      const allow = { host: '*', permissionType: AclPermissionTypes.ALLOW };
      const acl = Object.entries(GRANTS).flatMap(([user, { topics = {}, group = [] }]) => [
        ...Object.entries(topics).flatMap(([resourceName, operations]) => operations.map((operation) => ({ ...allow, principal: `User:${user}`, operation, resourceType: AclResourceTypes.TOPIC, resourceName, resourcePatternType: ResourcePatternTypes.LITERAL }))),
        ...group.map((operation) => ({ ...allow, principal: `User:${user}`, operation, resourceType: AclResourceTypes.GROUP, resourceName: 'millrace-', resourcePatternType: ResourcePatternTypes.PREFIXED })),
      ]);
      await server.admin.createAcls({ acl });
      await logOf(PASSWORD, 'sasl=plain&tls=no-verify').log.produce('guarded', [[{ key: 'a', value: 'b' }]], { signal: never });
      for (const user of Object.keys(GRANTS).filter((name) => name !== 'nobody')) await vi.waitFor(() => of(user).bounds('guarded', { signal: never }), { timeout: 30_000, interval: 50 });
    }, 60_000);

    const of = (user: string): MessageLog => logOf(PASSWORD, 'sasl=plain&tls=no-verify', user).log;
    const consume = (user: string): Promise<unknown> =>
      of(user).consume({ topic: 'guarded', group: GROUP, ranges: [{ partition: 0, from: 0, to: 1 }], reader: 1 }, { onMessages: () => {}, settle: () => Promise.resolve() }, { signal: never });
    const produce = (user: string): Promise<unknown> => of(user).produce('guarded', [[{ key: 'a', value: 'b' }]], { signal: never });

    it('needs no other rights than docs/kafka.md says', async () => {
      await produce('documented');
      await consume('documented');
      expect(await of('documented').committed(GROUP, 'guarded')).toEqual([{ partition: 0, offset: 1 }]);
    }, 60_000);

    it.each([
      { user: 'nobody', lacks: 'any right on the topic', asks: (user: string) => of(user).bounds('guarded', { signal: never }), code: 'SOURCE_MISSING', says: 'no topic guarded, or its user may not see it. Create the topic, correct its name, or give the user Describe on it.' },
      { user: 'describer', lacks: 'Read on the topic', asks: consume, code: 'SOURCE_FORBIDDEN', says: 'Give the user Read on the topic guarded.' },
      { user: 'groupless', lacks: 'any right on the group', asks: consume, code: 'SOURCE_FORBIDDEN', says: `Give the user Read on the group ${GROUP}.` },
      { user: 'onlooker', lacks: 'Read on the group', asks: consume, code: 'SOURCE_FORBIDDEN', says: `Give the user Read on the group ${GROUP}.` },
      { user: 'groupless', lacks: 'any right on the group whose offsets are asked for', asks: (user: string) => of(user).committed(GROUP, 'guarded'), code: 'SOURCE_FORBIDDEN', says: `Give the user Read on the group ${GROUP}.` },
      { user: 'describer', lacks: 'Write on any topic', asks: produce, code: 'SOURCE_FORBIDDEN', says: 'Give the user Write on the topic guarded' },
      { user: 'elsewhere', lacks: 'Write on the topic', asks: produce, code: 'SOURCE_FORBIDDEN', says: 'Give the user Write on the topic guarded.' },
    ])('tells a user who lacks $lacks which one it is, and does not try again', async ({ user, asks, code, says }) => {
      expect(await failureOf(asks(user))).toMatchObject({ code, retryable: false, message: expect.stringContaining(says) as string });
    }, 60_000);
  });

  it('is waited for while it loads its groups: the first joins are answered so, and tried again', async () => {
    const log = createKafkaLog({ brokers: [`127.0.0.1:${proxy.port}`], tls: 'off', clientId: 'test' });
    await log.produce('proxied', [[{ key: 'a', value: 'b' }]], { signal: never });
    const read = log.consume({ topic: 'proxied', group: 'proxied', ranges: [{ partition: 0, from: 0, to: 1 }], reader: 1 }, { onMessages: () => {}, settle: () => Promise.resolve('read') }, { signal: never });
    expect(await read).toBe('read');
    expect(proxy.refusedJoins()).toBe(JOINS);
    expect(await log.committed('proxied', 'proxied')).toEqual([{ partition: 0, offset: 1 }]);
  }, 60_000);
});
