import { isMillraceError, MillraceError } from '../errors.js';

/**
 * Removes secrets from a text that somebody else wrote (a driver's message, the first bytes of a body). Whoever repeats a
 * secret often repeats it encoded, so the URL-encoded and base64 forms go too.
 */
export function redact(text: string, secrets: readonly (string | undefined)[]): string {
  let clean = text;
  for (const secret of secrets) {
    if (!secret) continue;
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]) clean = clean.replaceAll(form, '***');
  }
  return clean;
}

/** The first bytes of something unexpected, for a message: at most `length` characters, control characters as spaces. */
export function excerpt(text: string, length = 120): string {
  const printable = text.slice(0, length * 4).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return Array.from(printable).slice(0, length).join('');
}

/** `code` of a Node or driver error, also of its innermost cause (`fetch` wraps the socket's error). */
export function errorCodeOf(error: unknown): string | undefined {
  let code: string | undefined;
  for (let current = error; typeof current === 'object' && current !== null; current = (current as { cause?: unknown }).cause) {
    const own = (current as { code?: unknown }).code;
    if (typeof own === 'string') code = own;
  }
  return code;
}

/** A certificate that is not trusted stays so until a person changes it: no retry. */
export function isCertificateError(error: unknown): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/.test(errorCodeOf(error) ?? '');
}

/** An error that leaves as it is: already ours, or the reason of the caller's own signal. */
export function isSettled(error: unknown, signal: AbortSignal): boolean {
  return isMillraceError(error) || (signal.aborted && error === signal.reason);
}

export function forbiddenByCertificate(where: string, cause: unknown): MillraceError {
  const code = errorCodeOf(cause) ?? 'unknown reason';
  return new MillraceError('SOURCE_FORBIDDEN', `${where}: its TLS certificate is not trusted (${code}). Renew it, or give its CA to this connection.`, { cause });
}
