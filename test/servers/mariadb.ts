import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createConnection, type Connection } from 'mysql2/promise';
import { ServerUnavailable } from '../support/with-server.js';
import { freePort, stopProcess, unprivilegedAccount, untilReady } from './server-process.js';

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
  /** Of the user `admin`, who may do everything. */
  adminPassword: string;
  /** A new connection of `admin`; the caller ends it. */
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
  const account = unprivilegedAccount(['mysql', 'nobody']);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-mariadb-'));
  const [dataDir, tempDir] = [join(folder, 'data'), join(folder, 'tmp')];
  await Promise.all([mkdir(dataDir), mkdir(tempDir)]);
  const login = { user: 'shop_reader', password: 'correct horse battery', database: 'shop' };
  const initFile = join(folder, 'init.sql');
  await writeFile(initFile, initStatements(login));
  if (account) for (const path of [folder, dataDir, tempDir, initFile]) await chown(path, account.uid, account.gid);

  // A server that starts removes the temporary tables of every other server with the same folder for them.
  const run = { ...account, env: { ...process.env, TMPDIR: tempDir } };
  try {
    initialiseDataDir(programs, dataDir, run);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
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
    { ...run, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const killWithParent = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithParent);
  const stop = async (): Promise<void> => {
    process.off('exit', killWithParent);
    // One that a test has stopped (SIGSTOP) ends only once it goes on.
    child.kill('SIGCONT');
    await stopProcess(child, 'SIGTERM');
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(child, /ready for connections/);
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
    adminPassword: ADMIN_PASSWORD,
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

function initialiseDataDir(programs: Programs, dataDir: string, run: { uid?: number; gid?: number; env: NodeJS.ProcessEnv }): void {
  const [program, args] = programs.installer
    ? [programs.installer, ['--no-defaults', `--datadir=${dataDir}`, '--auth-root-authentication-method=normal', '--skip-test-db']]
    : [programs.server, ['--no-defaults', '--initialize-insecure', `--datadir=${dataDir}`]];
  execFileSync(program, args, { ...run, stdio: ['ignore', 'ignore', 'pipe'] });
}
