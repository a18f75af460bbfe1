/** What a connection keeps secret, with the user that belongs to it where there is one. */
export interface Secret {
  user?: string;
  secret: string;
}

/** Shorter ones are pieces of ordinary words: taking them out would ruin messages and protect nothing. */
const SHORTEST = 4;

const MASK = '***';

/**
 * A function that takes secrets out of any text: as they are, percent-encoded, inside JSON, in base64, and as the
 * credentials of HTTP Basic and SMTP PLAIN. Secrets of less than four characters are not looked for.
 */
export function createRedactor(secrets: readonly Secret[]): (text: string) => string {
  const forms = [...new Set(secrets.flatMap(formsOf))].filter((form) => form.length >= SHORTEST);
  // The longest first, so that a secret that begins with another one does not leave its end behind.
  forms.sort((a, b) => b.length - a.length);
  return (text) => forms.reduce((clean, form) => clean.replaceAll(form, MASK), text);
}

function formsOf({ user = '', secret }: Secret): string[] {
  if (secret.length < SHORTEST) return [];
  const encoded = encodeURIComponent(secret);
  const strict = encoded.replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  return [
    secret,
    encoded,
    strict,
    // As WHATWG URLs write it in their userinfo, which is what `url.href` gives.
    asUserinfo(secret),
    encoded.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
    JSON.stringify(secret).slice(1, -1),
    base64(secret),
    base64(`${user}:${secret}`),
    base64(`\0${user}\0${secret}`),
  ];
}

function asUserinfo(secret: string): string {
  const url = new URL('http://host');
  url.password = secret;
  return url.password;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
