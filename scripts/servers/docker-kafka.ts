import { createHash } from 'node:crypto';
import { findPrograms } from './find-program.js';
import { runProgram } from './run-program.js';
import { KAFKA } from './versions.js';

const IMAGE = `apache/kafka:${KAFKA.version}`;
/** The image has some hundred megabytes. */
const PULL_TIMEOUT_MS = 10 * 60_000;
const DOCKER_TIMEOUT_MS = 60_000;

/** As in docker-compose.yml, but for the address: one broker and controller, reached from this machine. */
function settings(port: number): Record<string, string> {
  return {
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_NODE_ID: '1',
    KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
    KAFKA_LISTENERS: 'PLAINTEXT://:9092,CONTROLLER://:9093',
    KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    KAFKA_LOG_DIRS: '/var/lib/kafka/data',
  };
}

/** `docker`, where it is there and its daemon answers. */
export async function findDocker(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const [docker] = findPrograms('docker', env);
  if (docker === undefined) return undefined;
  return runProgram(docker, ['version', '--format', '{{.Server.Version}}'], { timeoutMs: DOCKER_TIMEOUT_MS, env }).then(
    () => docker,
    () => undefined,
  );
}

/**
 * A broker in a container, on the loopback address, whose messages are in a volume of the folder `home`: a warehouse that is kept there
 * remembers how far they were loaded. Resolves when the container runs, which is seconds before the broker answers.
 */
export async function startDockerKafka({ docker, home, port, env = process.env }: { docker: string; home: string; port: number; env?: NodeJS.ProcessEnv }): Promise<{ address: string; stop(): Promise<void> }> {
  const name = `millrace-kafka-${createHash('sha256').update(home).digest('hex').slice(0, 12)}`;
  const remove = (): Promise<string> => runProgram(docker, ['rm', '--force', name], { timeoutMs: DOCKER_TIMEOUT_MS, env });
  // What a start that was killed has left; none is as good.
  await remove().catch(() => undefined);
  const environment = Object.entries(settings(port)).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
  await runProgram(docker, ['run', '--detach', '--name', name, '--publish', `127.0.0.1:${port}:9092`, '--volume', `${name}:/var/lib/kafka/data`, ...environment, IMAGE], { timeoutMs: PULL_TIMEOUT_MS, env });
  return {
    address: `127.0.0.1:${port}`,
    async stop() {
      // Its last segments are flushed; then the container goes, and the volume stays.
      await runProgram(docker, ['stop', '-t', '20', name], { timeoutMs: DOCKER_TIMEOUT_MS, env }).catch(() => undefined);
      await remove().catch(() => undefined);
    },
  };
}
