import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort, stopProcess, unprivilegedAccount, untilReady } from './server-process.js';
import { ServerUnavailable } from './server-unavailable.js';

export interface PostgresServer {
  host: string;
  port: number;
  /** A superuser, who logs in with the password. */
  user: string;
  password: string;
  database: string;
  /** `postgres://user:password@host:port/database` */
  uri: string;
  stop(): Promise<void>;
}

const DEBIAN = '/usr/lib/postgresql';

/** Finds the folder of `initdb` and `postgres`; throws `ServerUnavailable` where there is none. */
export function locatePostgres(): string {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((version) => join(DEBIAN, version, 'bin')), ...(process.env['PATH'] ?? '').split(delimiter), '/opt/homebrew/bin'];
  const found = folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
  if (!found) throw new ServerUnavailable('PostgreSQL is not installed: `apt-get install postgresql` or `brew install postgresql`');
  return found;
}

/** A PostgreSQL of its own: empty database, password login, loopback, free port, temporary data directory. */
export async function startPostgres(): Promise<PostgresServer> {
  const programs = locatePostgres();
  const account = unprivilegedAccount(['postgres', 'nobody']);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-postgres-'));
  const dataDir = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  const login = { user: 'loader', password: `secret ${randomUUID()}` };
  await mkdir(dataDir, { mode: 0o700 });
  await writeFile(passwordFile, login.password);
  if (account) for (const path of [folder, dataDir, passwordFile]) await chown(path, account.uid, account.gid);

  execFileSync(
    join(programs, 'initdb'),
    ['-D', dataDir, '-U', login.user, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8', '--no-locale', '--no-sync'],
    { ...account, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const port = await freePort();
  const child = spawn(
    join(programs, 'postgres'),
    ['-D', dataDir, '-p', String(port), ...settings({ listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'off', max_connections: '40' })],
    { ...account, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const killWithParent = (): void => void child.kill('SIGQUIT');
  process.once('exit', killWithParent);
  const stop = async (): Promise<void> => {
    process.off('exit', killWithParent);
    // SIGINT: without waiting for the clients to leave.
    await stopProcess(child, 'SIGINT');
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(child, /ready to accept connections/);
  } catch (error) {
    await stop();
    throw error;
  }
  const address = { host: '127.0.0.1', port, ...login, database: 'postgres' };
  return { ...address, uri: `postgres://${login.user}:${encodeURIComponent(login.password)}@${address.host}:${port}/${address.database}`, stop };
}

function settings(values: Record<string, string>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
