import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createConnection, type Connection } from 'mysql2/promise';
import { ServerUnavailable } from '../support/with-server.js';

export interface MariaDb {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  /** `mysql://user:password@host:port/database` */
  uri: string;
  /** Process id of the server, for tests that stop (SIGSTOP) or kill it. */
  pid: number;
  /** A new connection with every privilege; the caller ends it. */
  connectAdmin(): Promise<Connection>;
  stop(): Promise<void>;
}

interface Programs {
  server: string;
  /** Absent for Oracle's MySQL, whose server initialises its own data directory. */
  installer: string | undefined;
}

/** Finds `mariadbd` or `mysqld`; throws `ServerUnavailable` where there is none. */
export function locateMariaDb(): Programs {
  const server = findProgram('mariadbd') ?? findProgram('mysqld');
  if (!server) {
    throw new ServerUnavailable('MariaDB is not installed: `apt-get install mariadb-server` or `brew install mariadb`');
  }
  return { server, installer: findProgram('mariadb-install-db') ?? findProgram('mysql_install_db') };
}

function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin'];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** A MariaDB (or MySQL) of its own: empty database `shop`, loopback, free port, temporary data directory. */
export async function startMariaDb(): Promise<MariaDb> {
  const programs = locateMariaDb();
  const account = unprivilegedAccount();
  const folder = await mkdtemp(join(tmpdir(), 'millrace-mariadb-'));
  const dataDir = join(folder, 'data');
  await mkdir(dataDir);
  const login = { user: 'shop_reader', password: 'correct horse battery', database: 'shop' };
  const initFile = join(folder, 'init.sql');
  await writeFile(initFile, initStatements(login));
  if (account) for (const path of [folder, dataDir, initFile]) await chown(path, account.uid, account.gid);

  initialiseDataDir(programs, dataDir, account);
  const port = await freePort();
  const child = spawn(
    programs.server,
    [
      '--no-defaults',
      `--datadir=${dataDir}`,
      `--socket=${join(folder, 's.sock')}`,
      `--pid-file=${join(folder, 'server.pid')}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      '--skip-name-resolve',
      '--skip-log-bin',
      '--performance-schema=OFF',
      '--innodb-buffer-pool-size=64M',
      '--innodb-flush-log-at-trx-commit=0',
      `--init-file=${initFile}`,
    ],
    { ...account, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const killWithParent = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithParent);
  const stop = async (): Promise<void> => {
    process.off('exit', killWithParent);
    await stopProcess(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(child);
  } catch (error) {
    await stop();
    throw error;
  }

  const address = { host: '127.0.0.1', port };
  return {
    ...address,
    ...login,
    uri: `mysql://${login.user}:${encodeURIComponent(login.password)}@${address.host}:${port}/${login.database}`,
    pid: child.pid as number,
    connectAdmin: () => createConnection({ ...address, user: 'admin', password: ADMIN_PASSWORD, database: login.database, charset: 'utf8mb4' }),
    stop,
  };
}

const ADMIN_PASSWORD = 'admin of a throw-away server';

function initStatements(login: { user: string; password: string; database: string }): string {
  return [
    `CREATE DATABASE ${login.database} CHARACTER SET utf8mb4;`,
    `CREATE USER '${login.user}'@'127.0.0.1' IDENTIFIED BY '${login.password}';`,
    `GRANT SELECT ON ${login.database}.* TO '${login.user}'@'127.0.0.1';`,
    `CREATE USER 'admin'@'127.0.0.1' IDENTIFIED BY '${ADMIN_PASSWORD}';`,
    `GRANT ALL ON *.* TO 'admin'@'127.0.0.1' WITH GRANT OPTION;`,
    '',
  ].join('\n');
}

/** The servers refuse to run as root; then they run as the first of these accounts that exists. */
function unprivilegedAccount(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['mysql', 'nobody']) {
    try {
      const id = (flag: string): number => Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // No such account: the next one.
    }
  }
  throw new ServerUnavailable('MariaDB does not run as root, and there is no account `mysql` or `nobody` to run it as');
}

function initialiseDataDir(programs: Programs, dataDir: string, account: { uid: number; gid: number } | undefined): void {
  const [program, args] = programs.installer
    ? [programs.installer, ['--no-defaults', `--datadir=${dataDir}`, '--auth-root-authentication-method=normal', '--skip-test-db']]
    : [programs.server, ['--no-defaults', '--initialize-insecure', `--datadir=${dataDir}`]];
  execFileSync(program, args, { ...account, stdio: ['ignore', 'ignore', 'pipe'] });
}

async function untilReady(child: ChildProcess): Promise<void> {
  let log = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-4000);
      if (/ready for connections/.test(log)) resolve();
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the database server ended with code ${code}:\n${log}`)));
  });
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  // A stopped process (SIGSTOP) ends only once it goes on.
  child.kill('SIGCONT');
  child.kill('SIGTERM');
  const impatient = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(impatient);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
