import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findDocker, startDockerKafka } from '../../scripts/servers/docker-kafka.js';

/** A program called `docker` that writes down what it is asked, and does nothing: what is shown here is the command, not the container. */
describe('the commands that start a Kafka broker by Docker', () => {
  let folder: string;
  let env: NodeJS.ProcessEnv;
  const docker = (): string => join(folder, 'docker');
  const asked = async (): Promise<string[][]> => (await readFile(join(folder, 'asked'), 'utf8')).trim().split('\n').map((line) => JSON.parse(line) as string[]);
  const write = async (answer: string): Promise<void> => {
    await writeFile(docker(), `#!${process.execPath}\nrequire('node:fs').appendFileSync(${JSON.stringify(join(folder, 'asked'))}, JSON.stringify(process.argv.slice(2)) + '\\n');\n${answer}`);
    await chmod(docker(), 0o755);
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-docker-'));
    env = { PATH: folder };
    await write('');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('run the image of docker-compose.yml with its settings, reached on this machine alone, and keep its messages in a volume', async () => {
    const broker = await startDockerKafka({ docker: docker(), home: '/home/anna/.millrace', port: 19092, env });
    expect(broker.address).toBe('127.0.0.1:19092');
    const [removed, run] = await asked();
    const name = removed!.at(-1)!;
    expect(removed).toEqual(['rm', '--force', name]);
    expect(run!.slice(0, 8)).toEqual(['run', '--detach', '--name', name, '--publish', '127.0.0.1:19092:9092', '--volume', `${name}:/var/lib/kafka/data`]);

    const { services } = parse(await readFile('docker-compose.yml', 'utf8'), { merge: true }) as { services: { kafka: { image: string; environment: Record<string, string> } } };
    expect(run!.at(-1)).toBe(services.kafka.image);
    const given = Object.fromEntries(run!.slice(8, -1).filter((word) => word !== '--env').map((pair) => pair.split(/=(.*)/s, 2)));
    expect(given).toEqual({ ...services.kafka.environment, KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093', KAFKA_ADVERTISED_LISTENERS: 'PLAINTEXT://127.0.0.1:19092' });

    await broker.stop();
    expect((await asked()).slice(2)).toEqual([['stop', '-t', '20', name], ['rm', '--force', name]]);
  });

  it('are of another container for another folder', async () => {
    for (const home of ['/one', '/other']) await startDockerKafka({ docker: docker(), home, port: 19092, env });
    const names = (await asked()).filter(([command]) => command === 'run').map((words) => words[3]);
    expect(new Set(names).size).toBe(2);
  });

  it('are not given where there is no docker, or its daemon does not answer', async () => {
    expect(await findDocker(env)).toBe(docker());
    await write('process.exit(1);');
    expect(await findDocker(env)).toBeUndefined();
    expect(await findDocker({ PATH: '/nowhere', GOBIN: '/nowhere' })).toBeUndefined();
  });
});
