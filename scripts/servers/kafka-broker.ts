import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import type { KafkaProgram } from './obtain-kafka.js';
import { runProgram } from './run-program.js';
import { LOOPBACK, answers } from '../../src/stack/ports.js';

export interface KafkaBrokerOptions {
  program: KafkaProgram;
  /** Its log and configuration; a broker that is started there again has the topics of the one before. */
  dataDir: string;
  /** Of the loopback address. */
  port: number;
  controllerPort: number;
  /** Further lines of server.properties. */
  settings?: readonly string[];
  /** Further arguments with which its storage is made: `--add-scram …`. */
  format?: readonly string[];
  onSpawn?: (pid: number) => Promise<void>;
}

export interface KafkaBroker {
  /** `127.0.0.1:port` */
  address: string;
  pid: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const START_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 15_000;
/** A broker for one machine needs little, and should not take more. */
const JAVA_FLAGS = ['-Xmx384m', '-Xms96m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];

/** One broker and controller in one process (KRaft), on the loopback address. Resolves when it takes connections. */
export async function startKafkaBroker(options: KafkaBrokerOptions): Promise<KafkaBroker> {
  const { program, dataDir, port, format = [], onSpawn } = options;
  await mkdir(dataDir, { recursive: true });
  const config = join(dataDir, 'server.properties');
  await writeFile(config, properties(options));
  const classpath = join(program.libs, '*');
  if (!existsSync(join(dataDir, 'log', 'meta.properties'))) {
    // One that begins with a hyphen would be taken for an option.
    const id = `M${randomBytes(16).toString('base64url').slice(1)}`;
    await runProgram(program.java, ['-cp', classpath, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', config, ...format], { timeoutMs: START_TIMEOUT_MS });
  }

  const logFile = join(dataDir, 'broker.log');
  const log = openSync(logFile, 'w');
  const child = spawn(program.java, [...JAVA_FLAGS, '-cp', classpath, 'kafka.Kafka', config], { stdio: ['ignore', log, log] });
  closeSync(log);
  const killWithParent = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithParent);
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    process.off('exit', killWithParent);
    await ended(child, signal);
  };
  try {
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    await onSpawn?.(child.pid!);
    await untilListening(child, port, logFile);
  } catch (error) {
    await stop('SIGKILL');
    throw error;
  }
  return { address: `127.0.0.1:${port}`, pid: child.pid!, stop };
}

function properties({ dataDir, port, controllerPort, settings = [] }: KafkaBrokerOptions): string {
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names=CONTROLLER',
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT',
    `log.dirs=${join(dataDir, 'log').replaceAll('\\', '/')}`,
    'auto.create.topics.enable=false',
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=4',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=4',
    'group.initial.rebalance.delay.ms=0',
    ...settings,
    '',
  ].join('\n');
}

async function untilListening(child: ChildProcess, port: number, logFile: string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await answers(`${LOOPBACK}:${port}`))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      throw new Error(`the Kafka broker ${Date.now() > deadline ? 'does not listen' : 'ended at once'}:\n${(await readFile(logFile, 'utf8')).slice(-2000)}`);
    }
    await delay(50);
  }
}


async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const impatient = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await exit;
  clearTimeout(impatient);
}
