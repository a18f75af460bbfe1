import type { NodemailerError } from 'nodemailer';
import { MillraceError } from '../errors.js';
import { oneLine } from './one-line.js';

const SAID_LENGTH = 300;

/** Failures without an answer of the server that a person has to mend: login, addresses, message size, settings. */
const FINAL_CODES: ReadonlySet<string | undefined> = new Set(['EAUTH', 'ENOAUTH', 'EENVELOPE', 'EMESSAGE', 'EREQUIRETLS', 'ECONFIG']);

/**
 * Translates what nodemailer raises. The driver's error is not kept as the cause: a server may repeat in its answer what it
 * was sent, the login included.
 */
export function translateMailError(error: unknown, where: string, redact: (text: string) => string): MillraceError {
  const driver = error as Partial<NodemailerError>;
  const said = oneLine(redact(driver.message ?? String(error)), SAID_LENGTH);
  if (isFinal(driver)) {
    const advice = 'Check the login, the addresses and the TLS settings in MILLRACE_CONN_MAIL.';
    return new MillraceError('ALERT_REJECTED', `The mail server ${where} refuses the mail: ${said}. ${advice}`);
  }
  const advice = 'Check that it is up, and the host and port in MILLRACE_CONN_MAIL.';
  return new MillraceError('ALERT_UNDELIVERED', `The mail server ${where} takes no mail now: ${said}. ${advice}`);
}

function isFinal({ responseCode, code, originalCode, message = '' }: Partial<NodemailerError>): boolean {
  // RFC 5321: 5yz is for good; 503 only says that this session was in the wrong state.
  if (responseCode !== undefined) return responseCode >= 500 && responseCode !== 503;
  return FINAL_CODES.has(code) || /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(`${String(originalCode)} ${message}`) || /certificate/i.test(message);
}
