import type { Socket } from 'node:net';
import mysql, { type Connection, type FieldPacket, type QueryError } from 'mysql2';
import { MillraceError } from '../errors.js';
import { translateMySqlError } from './mysql-errors.js';
import type { MySqlSourceOptions } from './mysql.js';
import type { TextRow } from './sql-source.js';

// Node finds no named export `Types` in this CommonJS package.
const { createConnection, Types } = mysql;

const BATCH_ROWS = 2_000;
/** A batch of wide rows ends earlier, so that memory stays bounded. */
const BATCH_BYTES = 8 * 1024 * 1024;
/** How long the server keeps a statement whose reader is busy elsewhere (uploading, for instance), in seconds. */
const SERVER_WRITE_TIMEOUT_S = 3_600;
/** KILL QUERY is a courtesy to the server; nobody waits long for it. */
const KILL_TIMEOUT_MS = 3_000;

/** One connection to the server, with the settings under which values arrive as text that does not depend on the server's own. */
export interface MySqlSession {
  /** Runs a short statement; rows as the server sent them. */
  run(sql: string): Promise<TextRow[]>;
  /** One at a time. A stream that is left before its end takes the session with it. */
  stream(sql: string, parameters: readonly (string | number)[]): AsyncGenerator<readonly TextRow[]>;
  /** Closes the connection; a statement that still runs is killed on the server. */
  end(): Promise<void>;
}

interface SessionSettings extends MySqlSourceOptions {
  /** For messages: without credentials. */
  where: string;
  connectTimeoutMs: number;
  readTimeoutMs: number;
}

export async function openMySqlSession(settings: SessionSettings, signal: AbortSignal): Promise<MySqlSession> {
  const connection = connect(settings, settings.connectTimeoutMs);
  const guard = createGuard(connection, settings, signal);
  let id: string | undefined;
  let running = false;
  let killed: Promise<void> | undefined;

  // The server works on until it tries to write to a closed socket; a statement that sorts for an hour does not.
  const killRunning = (): void => {
    if (running && id !== undefined) killed ??= killQuery(settings, id);
  };
  signal.addEventListener('abort', killRunning, { once: true });

  async function run(sql: string): Promise<TextRow[]> {
    return guard.wait<TextRow[]>((resolve, reject) => {
      connection.query({ sql, rowsAsArray: true, typeCast: false }, (error: QueryError | null, rows: unknown, fields?: FieldPacket[]) => {
        if (error) reject(error);
        else resolve(Array.isArray(rows) && fields ? rows.map(rowReader(fields)) : []);
      });
    });
  }

  async function* stream(sql: string, parameters: readonly (string | number)[]): AsyncGenerator<readonly TextRow[]> {
    if (running) {
      throw new MillraceError('BAD_PARAMS', `${settings.where}: a snapshot streams one statement at a time, to its end. Read the tables one after the other.`);
    }
    running = true;
    const full: TextRow[][] = [];
    let rows: TextRow[] = [];
    let bytes = 0;
    let read = (_values: readonly (Buffer | null)[]): TextRow => [];
    const statement: { ended: boolean; failure?: unknown } = { ended: false };
    let wake = (): void => {};

    // Without values the driver leaves question marks inside literals alone.
    const values = parameters.length > 0 ? { values: [...parameters] } : {};
    const query = connection.query({ sql, ...values, rowsAsArray: true, typeCast: false });
    query.on('fields', (fields: FieldPacket[] | undefined) => {
      if (fields) read = rowReader(fields);
    });
    query.on('result', (values: unknown) => {
      // A statement without rows sends a header in their place.
      if (!Array.isArray(values)) return;
      rows.push(read(values as (Buffer | null)[]));
      for (const value of values as (Buffer | null)[]) bytes += value?.length ?? 0;
      if (rows.length < BATCH_ROWS && bytes < BATCH_BYTES) return;
      full.push(rows);
      rows = [];
      bytes = 0;
      connection.pause();
      wake();
    });
    query.on('error', (error: unknown) => {
      statement.failure = error;
    });
    // Also sent after an error.
    query.on('end', () => {
      statement.ended = true;
      running = false;
      wake();
    });

    for (;;) {
      while (full.length === 0 && !statement.ended) {
        await guard.wait<void>((resolve) => {
          wake = resolve;
          connection.resume();
        });
      }
      guard.throwIfFailed();
      if (statement.failure !== undefined) throw translateMySqlError(statement.failure, settings.where, [settings.password]);
      const batch = full.shift();
      if (batch) {
        yield batch;
        continue;
      }
      if (rows.length > 0) yield rows;
      return;
    }
  }

  async function end(): Promise<void> {
    signal.removeEventListener('abort', killRunning);
    if (!guard.lost) killRunning();
    guard.release();
    await killed;
  }

  try {
    await guard.wait<void>((resolve) => connection.once('connect', () => resolve()));
    for (const statement of setup(connection, settings.timezone ?? 'UTC')) await run(statement);
    id = (await run('SELECT CONNECTION_ID()'))[0]?.[0] ?? undefined;
  } catch (error) {
    await end();
    throw error;
  }
  return { run, stream, end };
}

function connect(settings: MySqlSourceOptions, connectTimeout: number): Connection {
  const { host, port, user, password, database, ssl } = settings;
  const tls = ssl === true ? {} : ssl;
  return createConnection({
    host,
    port,
    user,
    password,
    ...(database === undefined ? {} : { database }),
    ...(tls ? { ssl: { verifyIdentity: tls.rejectUnauthorized !== false, ...tls } } : {}),
    charset: 'utf8mb4',
    connectTimeout,
  });
}

function setup(connection: Connection, timezone: string): string[] {
  return [
    // TIMESTAMP columns are sent in this zone; by name only where the server has its zone tables, hence the offset for UTC.
    `SET SESSION time_zone = ${connection.escape(timezone === 'UTC' ? '+00:00' : timezone)}`,
    // The driver escapes parameters with backslashes, which this mode would not understand.
    "SET SESSION sql_mode = REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '')",
    `SET SESSION net_write_timeout = ${SERVER_WRITE_TIMEOUT_S}`,
    'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ',
  ];
}

interface Guard {
  readonly lost: boolean;
  /** Waits for the server: no longer than the read timeout, until the connection is lost or the signal aborts. */
  wait<T>(start: (resolve: (value: T) => void, reject: (error: unknown) => void) => void): Promise<T>;
  throwIfFailed(): void;
  release(): void;
}

/**
 * mysql2 tells a streaming query nothing when its connection is lost (only the connection emits an error), and its
 * `destroy` leaves a paused socket open: everything that waits for the server therefore goes through this guard.
 */
function createGuard(connection: Connection, settings: SessionSettings, signal: AbortSignal): Guard {
  const waiting = new Set<(error: unknown) => void>();
  let failed: { error: unknown } | undefined;
  let lost = false;

  const destroy = (): void => {
    connection.destroy();
    (connection as unknown as { stream: Socket }).stream.destroy();
  };
  const fail = (error: unknown): void => {
    failed ??= { error };
    for (const reject of waiting) reject(failed.error);
    destroy();
  };
  const onAbort = (): void => fail(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  connection.on('error', (error: unknown) => {
    lost = true;
    fail(translateMySqlError(error, settings.where, [settings.password]));
  });

  return {
    get lost() {
      return lost;
    },
    wait: (start) =>
      new Promise((resolve, reject) => {
        if (failed) {
          reject(failed.error);
          return;
        }
        const slow = setTimeout(() => {
          const seconds = Math.round(settings.readTimeoutMs / 1000);
          fail(new MillraceError('SOURCE_UNAVAILABLE', `${settings.where} sent nothing for ${seconds} s. Check its load and locks, or raise the read timeout.`));
        }, settings.readTimeoutMs);
        const settle = (): void => {
          clearTimeout(slow);
          waiting.delete(refuse);
        };
        const refuse = (error: unknown): void => {
          settle();
          reject(signal.aborted ? (signal.reason as Error) : translateMySqlError(error, settings.where, [settings.password]));
        };
        waiting.add(refuse);
        start((value) => {
          settle();
          resolve(value);
        }, refuse);
      }),
    throwIfFailed: () => {
      if (failed) throw failed.error;
    },
    release: () => {
      signal.removeEventListener('abort', onAbort);
      failed ??= { error: new MillraceError('BAD_PARAMS', `${settings.where}: this snapshot has ended. Stream its tables before its callback returns.`) };
      destroy();
    },
  };
}

/** Failing to kill is no error: the connection is closed anyway, and the server notices that when it next writes. */
async function killQuery(settings: SessionSettings, id: string): Promise<void> {
  const connection = connect(settings, KILL_TIMEOUT_MS);
  await new Promise<void>((resolve) => {
    const giveUp = setTimeout(resolve, KILL_TIMEOUT_MS);
    const done = (): void => {
      clearTimeout(giveUp);
      resolve();
    };
    connection.on('error', done);
    connection.query(`KILL QUERY ${id}`, done);
  });
  connection.destroy();
  (connection as unknown as { stream: Socket }).stream.destroy();
}

const BINARY_CHARSET = 63;
const STRING_TYPES: ReadonlySet<number | undefined> = new Set([
  Types.VARCHAR,
  Types.VAR_STRING,
  Types.STRING,
  Types.TINY_BLOB,
  Types.MEDIUM_BLOB,
  Types.LONG_BLOB,
  Types.BLOB,
]);

/** Text as the server sends it; BIT as its number, binary columns (BLOB, BINARY, GEOMETRY, VECTOR) as hexadecimal digits. */
function rowReader(fields: readonly FieldPacket[]): (values: readonly (Buffer | null)[]) => TextRow {
  const decoders = fields.map(decoderOf);
  return (values) => values.map((value, column) => (value === null ? null : (decoders[column] ?? asText)(value)));
}

function decoderOf(field: FieldPacket): (value: Buffer) => string {
  const type = field.columnType ?? field.type;
  if (type === Types.BIT) return asNumber;
  if (type === Types.GEOMETRY || type === Types.VECTOR) return asHex;
  return STRING_TYPES.has(type) && field.characterSet === BINARY_CHARSET ? asHex : asText;
}

const asText = (value: Buffer): string => value.toString('utf8');
const asHex = (value: Buffer): string => value.toString('hex');
const asNumber = (value: Buffer): string => BigInt(`0x${asHex(value)}`).toString();
