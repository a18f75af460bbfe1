import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What is wrong with a URI, in words that never repeat a part of it. */
export class UriProblem extends Error {
  override readonly name = 'UriProblem';
}

export interface UriParts {
  /** Without the colon, in lower case. */
  scheme: string;
  user?: string;
  password?: string;
  /** The password before decoding, for the redactor. */
  writtenPassword?: string;
  /** IPv6 without brackets; empty where the URI names none. */
  host: string;
  port?: number;
  /** Behind the first one, separated by commas; of `kafka` only. */
  otherHosts?: { host: string; port?: number }[];
  /** Decoded, without the slash before it; for `file` and `duckdb` an absolute path of this machine. */
  path: string;
  /** As it was written: for schemes whose server decodes it. */
  encodedPath: string;
  query: Record<string, string>;
}

const PATH_SCHEMES: ReadonlySet<string> = new Set(['file', 'duckdb']);

/** Several servers that know of each other, any of which is asked first. */
const CLUSTER_SCHEMES: ReadonlySet<string> = new Set(['kafka']);

const ENCODE_HINT = 'Write / ? # @ and % inside a user name or password as %2F %3F %23 %40 %25.';

/** The scheme of a URI, in lower case; `undefined` when it has none. */
export function schemeOf(uri: string): string | undefined {
  return /^([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1]?.toLowerCase();
}

/** Takes a connection's URI apart and decodes it; relative paths of files start at `root`. Throws `UriProblem`. */
export function splitUri(uri: string, root: string): UriParts {
  const scheme = schemeOf(uri);
  if (scheme === undefined) throw new UriProblem('is not a URI: it does not begin with a scheme such as mysql:// or file://');
  // A `#` would silently cut the rest off, which is usually half a password.
  if (uri.includes('#')) throw new UriProblem(`contains a #. ${ENCODE_HINT}`);
  if (/\p{Cc}/u.test(uri)) throw new UriProblem('contains a control character');
  if (PATH_SCHEMES.has(scheme)) return splitPathUri(uri, scheme, root);
  return CLUSTER_SCHEMES.has(scheme) ? splitClusterUri(uri, scheme) : splitNetworkUri(uri, scheme);
}

/** `file:///abs`, `file:relative`, `duckdb://relative`: everything before the question mark is the path. */
function splitPathUri(uri: string, scheme: string, root: string): UriParts {
  const [encoded = '', ...query] = uri.slice(scheme.length + 1).split('?');
  const encodedPath = encoded.replace(/^\/\/localhost(?=\/)/i, '').replace(/^\/\//, '');
  const local = /^[a-z]:[\\/]/i.test(encodedPath) ? `/${encodedPath}` : encodedPath;
  return { scheme, host: '', path: localPath(local, root), encodedPath, query: parseQuery(query.join('?')) };
}

function localPath(encoded: string, root: string): string {
  if (encoded === '') throw new UriProblem('names no path');
  if (/^[^/]*@/.test(encoded)) throw new UriProblem('has a user or a host, which a local path cannot have');
  try {
    return encoded.startsWith('/') ? fileURLToPath(`file://${encoded}`) : resolve(root, decodeURIComponent(encoded));
  } catch {
    throw new UriProblem('has a path that cannot be decoded. Write a % in a name as %25.');
  }
}

/** `scheme://user:password@a:1,b:2`: as with one host, which is how each of them is read. */
function splitClusterUri(uri: string, scheme: string): UriParts {
  const [, start = '', hosts = '', rest = ''] = /^([^:]+:\/\/(?:[^/?]*@)?)([^/?@]*)(.*)$/.exec(uri) ?? [];
  const [first = '', ...others] = hosts.split(',');
  const parts = splitNetworkUri(hosts === '' ? uri : `${start}${first}${rest}`, scheme);
  if (others.length === 0) return parts;
  const otherHosts = others.map((other) => {
    const { host, port } = splitNetworkUri(`${scheme}://${other}`, scheme);
    if (host === '') throw new UriProblem('has an empty host between two commas');
    return { host, ...(port === undefined ? {} : { port }) };
  });
  return { ...parts, otherHosts };
}

function splitNetworkUri(uri: string, scheme: string): UriParts {
  const authority = /^[^:]+:\/\/([^/?]*)/.exec(uri)?.[1];
  if (authority === undefined) throw new UriProblem(`does not begin with ${scheme}://`);
  const port = /:(\d+)$/.exec(authority.slice(authority.lastIndexOf('@') + 1))?.[1];
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65_535)) throw new UriProblem('has a port outside 1 to 65535');
  let url: URL;
  try {
    url = new URL(uri);
  } catch {
    throw new UriProblem(`cannot be read as ${scheme}://user:password@host:port/path?parameter=value. ${ENCODE_HINT}`);
  }
  // An unencoded / or ? in a password that begins with digits reads as host, port and path: the @ behind it gives it away.
  const behindHost = url.pathname + url.search.replaceAll(/[?&](from|to)=[^&]*/g, '');
  if (behindHost.includes('@')) throw new UriProblem(`has an @ behind its host. ${ENCODE_HINT}`);
  return {
    scheme,
    ...(url.username === '' ? {} : { user: decode(url.username) }),
    ...(url.password === '' ? {} : { password: decode(url.password), writtenPassword: writtenPassword(authority) }),
    host: decode(url.hostname).replace(/^\[(.*)\]$/, '$1'),
    ...(port === undefined ? {} : { port: Number(port) }),
    path: decode(url.pathname).replace(/^\//, ''),
    encodedPath: url.pathname.replace(/^\//, ''),
    query: parseQuery(url.search.slice(1)),
  };
}

function writtenPassword(authority: string): string {
  const userinfo = authority.slice(0, authority.lastIndexOf('@'));
  return userinfo.slice(userinfo.indexOf(':') + 1);
}

/** Not URLSearchParams: it reads a plus sign (`team+etl@example.com`) as a space. */
function parseQuery(search: string): Record<string, string> {
  const query: Record<string, string> = {};
  for (const pair of search.split('&')) {
    if (pair === '') continue;
    const [name = '', ...value] = pair.split('=');
    const key = decode(name);
    // What is no name may be a piece of a password, and is not repeated.
    if (!/^[A-Za-z][A-Za-z0-9_-]*$/.test(key)) throw new UriProblem(`has a query parameter without a proper name. ${ENCODE_HINT}`);
    if (Object.hasOwn(query, key)) throw new UriProblem(`gives the parameter "${key}" twice`);
    query[key] = decode(value.join('='));
  }
  return query;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UriProblem(`has a % that is not followed by two hexadecimal digits. ${ENCODE_HINT}`);
  }
}
