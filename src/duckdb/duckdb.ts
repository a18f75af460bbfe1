import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { keepByteOrderMarks } from './text-decoder.js';

keepByteOrderMarks();

export interface DuckDBLimits {
  /** `512MB`, `2GB`: what DuckDB may hold before it spills to `scratchDir`. */
  memoryLimit: string;
  threads: number;
  /** Folder for spilled data. */
  scratchDir: string;
}

/** Another process holds the database file, and did not let go of it in time. */
export class DatabaseFileLocked extends Error {
  override readonly name = 'DatabaseFileLocked';
}

/** Every connection reads and prints times in UTC, whatever the machine's zone is. */
async function connect(instance: DuckDBInstance): Promise<DuckDBConnection> {
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return connection;
}

function settings(limits: DuckDBLimits): Record<string, string> {
  return {
    memory_limit: limits.memoryLimit,
    threads: String(limits.threads),
    temp_directory: limits.scratchDir,
    // Nothing is fetched at run time: parquet, json and icu are built in.
    autoinstall_known_extensions: 'false',
  };
}

/** Runs `use` on a private in-memory engine that is gone afterwards. */
export async function withScratchDatabase<T>(limits: DuckDBLimits, use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const instance = await DuckDBInstance.create(':memory:', settings(limits));
  const connection = await connect(instance);
  try {
    return await use(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

interface OpenFile {
  readOnly: boolean;
  instance: Promise<DuckDBInstance>;
  users: number;
  /** A writer waits for these readers to leave: nobody else joins them. */
  draining: boolean;
}

/**
 * By real path, whatever the mode. A second instance of one file in one process would corrupt it: the operating system's
 * lock does not hold between them, and closing one of them takes the lock from the other.
 */
const openFiles = new Map<string, OpenFile>();

const POLL_MS = 20;

export interface DatabaseFileOptions extends DuckDBLimits {
  /** The file must exist, and other processes may read it at the same time. Shares the file with this process's writers. */
  readOnly?: boolean;
  /** How long to wait for others to let go of the file, in milliseconds; default 30 000. */
  waitMs?: number;
  signal?: AbortSignal;
}

/**
 * Runs `use` with a connection to a database file. The file is open only while somebody uses it, so that a second process
 * (the CLI beside a worker, a new worker after a killed one) gets its turn; `DatabaseFileLocked` when it does not in `waitMs`.
 * Users of one process share the file, with the limits of whoever opened it; a writer waits until its readers have left.
 */
export async function withDatabaseFile<T>(path: string, options: DatabaseFileOptions, use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  if (!options.readOnly) await mkdir(dirname(path), { recursive: true });
  const key = await realPath(path);
  const open = await join(path, key, options);
  const instance = await open.instance;
  try {
    const connection = await connect(instance);
    try {
      return await use(connection);
    } finally {
      connection.closeSync();
    }
  } finally {
    open.users -= 1;
    // Both in one go: nobody may find the file unlisted and still open.
    if (open.users === 0) {
      openFiles.delete(key);
      instance.closeSync();
    }
  }
}

/** Counts the caller among the users of an instance that is open. */
async function join(path: string, key: string, options: DatabaseFileOptions): Promise<OpenFile> {
  const deadline = Date.now() + (options.waitMs ?? 30_000);
  for (;;) {
    options.signal?.throwIfAborted();
    let lock: unknown;
    const open = openFiles.get(key) ?? startOpening(path, key, options);
    if (!open.readOnly || (options.readOnly && !open.draining)) {
      open.users += 1;
      try {
        await open.instance;
        return open;
      } catch (error) {
        if (!/lock on file|being used by another process/i.test(String(error))) throw error;
        lock = error;
      }
    } else if (!options.readOnly) {
      open.draining = true;
    }
    if (Date.now() > deadline) {
      throw new DatabaseFileLocked(`${path} is in use by another ${lock === undefined ? 'query' : 'process'}; it did not become free in time`, { cause: lock });
    }
    await delay(POLL_MS, undefined, options.signal ? { signal: options.signal } : {}).catch(() => options.signal?.throwIfAborted());
  }
}

function startOpening(path: string, key: string, options: DatabaseFileOptions): OpenFile {
  const open: OpenFile = { readOnly: options.readOnly ?? false, users: 0, draining: false, instance: openInstance(path, options) };
  openFiles.set(key, open);
  open.instance.catch(() => openFiles.delete(key));
  return open;
}

async function openInstance(path: string, options: DatabaseFileOptions): Promise<DuckDBInstance> {
  if (!options.readOnly && !existsSync(path)) await createDatabaseFile(path);
  return DuckDBInstance.create(path, { ...settings(options), access_mode: options.readOnly ? 'READ_ONLY' : 'READ_WRITE' });
}

/** A process that is killed while DuckDB writes the first bytes of a new file would leave one that cannot be opened: it appears whole. */
async function createDatabaseFile(path: string): Promise<void> {
  const draft = `${path}.${randomUUID()}.new`;
  try {
    (await DuckDBInstance.create(draft)).closeSync();
    // Unlike a rename, a link does not replace the file that another process has created in the meantime; not every file system has links.
    await link(draft, path).catch((error: NodeJS.ErrnoException) => (error.code === 'EEXIST' ? undefined : rename(draft, path)));
  } finally {
    await rm(draft, { force: true });
  }
}

/** One name for one file, however it was spelt. */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const folder = await realpath(dirname(path)).catch(() => resolve(dirname(path)));
    return resolve(folder, basename(path));
  }
}

const INTERRUPT_EVERY_MS = 50;

/** Runs `work` on the connection and interrupts its statement when the signal aborts; rejects with the signal's reason then. */
export async function interruptible<T>(connection: DuckDBConnection, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  if (!signal) return work();
  signal.throwIfAborted();
  let repeated: NodeJS.Timeout | undefined;
  const interrupt = (): void => {
    connection.interrupt();
    // An interrupt that comes before the statement has begun is lost.
    repeated = setInterval(() => connection.interrupt(), INTERRUPT_EVERY_MS);
  };
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', interrupt);
    clearInterval(repeated);
  }
}

/** `'it''s'` */
export function sqlString(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** `"a""b"` */
export function sqlIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** `['a.parquet', 'b.parquet']`, for read_parquet and its like. */
export function sqlList(texts: readonly string[]): string {
  return `[${texts.map(sqlString).join(', ')}]`;
}

/** All rows of a small result, every value as text. */
export async function readText(connection: DuckDBConnection, sql: string): Promise<(string | null)[][]> {
  const result = await connection.runAndReadAll(sql);
  return result.getRowsJson().map((row) => row.map((value) => (value === null || typeof value === 'string' ? value : JSON.stringify(value))));
}

/** `sqlList` for paths that mean one file each: DuckDB would take `[`, `*` and `?` in a file's name for a pattern. */
export function sqlFiles(paths: readonly string[]): string {
  return sqlList(paths.map((path) => path.replace(/[[*?]/g, '[$&]')));
}
