import { isMillraceError, MillraceError, type ErrorCode } from '../errors.js';
import { forbiddenByCertificate, isCertificateError, redact } from './source-errors.js';

/** Server error numbers, by what they mean for a reader. Numbers that are not here: the server rejects the statement. */
const CODES: readonly { code: ErrorCode; advice: string; numbers: readonly number[] }[] = [
  {
    code: 'SOURCE_FORBIDDEN',
    advice: 'Check the user, its password and its grants (SELECT is enough).',
    // Database, user, host, table, column, privilege, SELECT on a view; expired password, locked account, blocked host.
    numbers: [1044, 1045, 1130, 1129, 1142, 1143, 1227, 1345, 1370, 1698, 1820, 1862, 3118, 4151],
  },
  { code: 'SOURCE_MISSING', advice: 'Check the name of the database and of the table.', numbers: [1049, 1051, 1109, 1146] },
  {
    code: 'SOURCE_UNAVAILABLE',
    advice: 'The next attempt starts again from a new snapshot.',
    // Too many connections, out of memory, shutdown, killed, statement timeouts, lock waits, deadlocks, and a table whose
    // definition or rows changed under the snapshot.
    numbers: [1020, 1037, 1038, 1040, 1041, 1053, 1077, 1152, 1159, 1161, 1203, 1205, 1213, 1226, 1317, 1412, 1927, 1969, 3024, 3169, 4031],
  },
];

const UNKNOWN_TIME_ZONE = 1298;

interface DriverError {
  errno?: number;
  code?: string;
  sqlState?: string;
  message: string;
}

/** Translates what mysql2 raises. `secrets` never appear in the message. */
export function translateMySqlError(error: unknown, where: string, secrets: readonly (string | undefined)[]): MillraceError {
  if (isMillraceError(error)) return error;
  if (isCertificateError(error)) return forbiddenByCertificate(where, error);
  const driver = error as DriverError;
  const said = redact(driver.message, secrets);
  // The driver has no sqlState for what did not come from the server: sockets, name lookup, protocol, timeouts.
  if (driver.sqlState === undefined && driver.code === 'HANDSHAKE_NO_SSL_SUPPORT') {
    return new MillraceError('SOURCE_REJECTED', `${where} does not offer TLS. Turn TLS on at the server, or off in the connection.`, { cause: error });
  }
  const known = CODES.find(({ numbers }) => driver.errno !== undefined && numbers.includes(driver.errno));
  if (known) return new MillraceError(known.code, `${where}: ${said}. ${known.advice}`, { cause: error });
  if (driver.errno === UNKNOWN_TIME_ZONE) {
    const advice = 'Load the zone tables (mysql_tzinfo_to_sql), or give the connection an offset such as +02:00.';
    return new MillraceError('SOURCE_REJECTED', `${where}: ${said}. ${advice}`, { cause: error });
  }
  if (driver.sqlState !== undefined) {
    return new MillraceError('SOURCE_REJECTED', `${where} rejects the statement: ${said}. Correct the statement.`, { cause: error });
  }
  const reason = said || driver.code || 'connection failed';
  return new MillraceError('SOURCE_UNAVAILABLE', `${where} cannot be reached or was lost: ${reason}. Check that the server is up and the address is right.`, {
    cause: error,
  });
}
