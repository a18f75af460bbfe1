import { z } from 'zod';
import { awsKeys, bothKeys, credentials } from './aws-fields.js';
import { cloudWatch } from './cloudwatch-scheme.js';
import { hostPort, type ConfigByRole, type TlsMode } from './configs.js';
import { absent, endpoint, flag, identifier, mailAddress, parameter, required, seconds, timezone } from './fields.js';
import type { Role } from './known-connections.js';
import { kafka } from './kafka-scheme.js';
import { redshiftData } from './redshift-scheme.js';
import type { Secret } from './secrets.js';
import type { UriParts } from './uri.js';

/** How one kind of URI becomes a configuration. `schema` reads the `UriParts` of `uri.ts`. */
export interface Scheme<Config> {
  example: string;
  schema: z.ZodType<Config>;
  /** Absent: what stands between the colon and the @. */
  secretsOf?: (parts: UriParts, uri: string) => Secret[];
}

const tls = { true: 'verify', false: 'off', 'no-verify': 'no-verify' } as const satisfies Record<string, TlsMode>;

const mysql = z
  .object({
    user: required('user'),
    password: z.string().default(''),
    host: required('host'),
    port: z.number().default(3306),
    path: required('database'),
    query: z.strictObject({
      timezone: timezone().default('UTC'),
      ssl: z.enum(['true', 'false', 'no-verify'], 'is none of true, false, no-verify').default('false'),
    }),
  })
  .transform(({ path, query, ...server }) => ({ scheme: 'mysql' as const, ...server, database: path, timezone: query.timezone, tls: tls[query.ssl] }));

/** As in node-postgres, `require` verifies the certificate; libpq's weaker reading of it is `no-verify`. */
const sslmodes = { disable: 'off', require: 'verify', 'verify-full': 'verify', 'no-verify': 'no-verify' } as const satisfies Record<string, TlsMode>;

const postgres = z
  .object({
    user: required('user'),
    password: z.string().default(''),
    host: required('host'),
    port: z.number().default(5432),
    path: required('database'),
    query: z.strictObject({
      schema: identifier('schema').optional(),
      sslmode: z.enum(['disable', 'require', 'verify-full', 'no-verify'], 'is none of disable, require, verify-full, no-verify').default('disable'),
    }),
  })
  .transform(({ path, query, ...server }) => ({
    scheme: 'postgres' as const,
    ...server,
    database: path,
    ...(query.schema === undefined ? {} : { schema: query.schema }),
    tls: sslmodes[query.sslmode],
  }));

const duckdbFile = z.string().refine((path) => !path.endsWith(':memory:'), 'names a database in memory, which would be gone with the step');

const duckdbSource = z
  .object({ path: duckdbFile, query: z.strictObject({ timezone: timezone().default('UTC') }) })
  .transform(({ path, query }) => ({ scheme: 'duckdb' as const, path, timezone: query.timezone }));

const duckdbWarehouse = z.object({ path: duckdbFile, query: z.strictObject({}) }).transform(({ path }) => ({ scheme: 'duckdb' as const, path }));

const rest = z
  .object({
    scheme: z.enum(['http', 'https']),
    user: z.string().optional(),
    password: z.string().optional(),
    host: required('host'),
    port: z.number().optional(),
    encodedPath: z.string(),
    query: z.strictObject({ timeout: seconds(3600).optional(), name: parameter().optional() }),
  })
  .refine(
    ({ user, password }) => user === undefined || password !== undefined,
    'has a user without a password. A token is written behind a colon, as in https://:TOKEN@host',
  )
  .transform(({ scheme, user, password, host, port, encodedPath, query }) => ({
    scheme,
    baseUrl: `${scheme}://${hostPort(host, port)}/${encodedPath}`.replace(/\/+$/, ''),
    auth: restAuth(user, password),
    ...(query.name === undefined ? {} : { name: query.name }),
    ...(query.timeout === undefined ? {} : { timeoutMs: query.timeout }),
  }));

/** `http://:TOKEN@host` is a bearer token, `http://USER:PASSWORD@host` the Basic scheme. */
function restAuth(user: string | undefined, password: string | undefined): ConfigByRole['rest-source']['auth'] {
  if (password === undefined) return { kind: 'none' };
  return user === undefined ? { kind: 'bearer', token: password } : { kind: 'basic', user, password };
}

const dynamodb = z
  .object({
    ...awsKeys,
    host: z.string(),
    port: z.number().optional(),
    path: required('table').regex(/^[A-Za-z0-9_.-]{3,255}$/, 'names a table that DynamoDB cannot have (3 to 255 of A-Z a-z 0-9 _ . -)'),
    query: z.strictObject({ region: parameter(), tls: flag().default(true) }),
  })
  .refine(...bothKeys)
  .transform(({ user, password, host, port, path, query }) => ({
    scheme: 'dynamodb' as const,
    table: path,
    region: query.region,
    ...(host === '' ? {} : { endpoint: `http${query.tls ? 's' : ''}://${hostPort(host, port ?? (query.tls ? 443 : 80))}` }),
    ...credentials(user, password),
  }));

const file = z.object({ path: z.string(), query: z.strictObject({}) }).transform(({ path }) => ({ scheme: 'file' as const, root: path }));

const s3 = z
  .object({
    ...awsKeys,
    host: required('bucket').regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/, 'names a bucket that S3 cannot have'),
    port: absent('a port (give a server of your own as endpoint=http://host:port)'),
    path: z.string(),
    query: z.strictObject({ region: parameter().optional(), endpoint: endpoint().optional(), forcePathStyle: flag().optional(), versioned: flag().default(false) }),
  })
  .refine(...bothKeys)
  .refine(({ query }) => query.region !== undefined || query.endpoint !== undefined, { path: ['query', 'region'], error: 'is missing' })
  .transform(({ user, password, host, path, query }) => ({
    scheme: 's3' as const,
    bucket: host,
    prefix: path.replaceAll(/^\/+|\/+$/g, ''),
    // Servers other than AWS take any region.
    region: query.region ?? 'us-east-1',
    ...(query.endpoint === undefined ? {} : { endpoint: query.endpoint }),
    // Only AWS itself has a host name for every bucket.
    forcePathStyle: query.forcePathStyle ?? query.endpoint !== undefined,
    versioned: query.versioned,
    ...credentials(user, password),
  }));

const lambda = z
  .object({
    ...awsKeys,
    host: required('region').regex(/^[a-z0-9-]+$/, 'names a region that AWS does not have'),
    port: absent('a port (give a server of your own as endpoint=http://host:port)'),
    path: required('function').regex(/^[A-Za-z0-9_-]{1,64}$/, 'names a function that Lambda cannot have (1 to 64 of A-Z a-z 0-9 _ -)'),
    query: z.strictObject({ qualifier: parameter().optional(), endpoint: endpoint().optional(), timeout: seconds(900).optional() }),
  })
  .refine(...bothKeys)
  .transform(({ user, password, host, path, query: { qualifier, endpoint: address, timeout } }) => ({
    scheme: 'lambda' as const,
    region: host,
    functionName: path,
    ...(qualifier === undefined ? {} : { qualifier }),
    ...(address === undefined ? {} : { endpoint: address }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
    ...credentials(user, password),
  }));

const inProcess = z
  .object({ host: required('function'), port: absent('a port'), path: z.literal('', 'has a path, which a function in the worker does not have'), query: z.strictObject({}) })
  .transform(({ host }) => ({ scheme: 'process' as const, name: host }));

const mail = z
  .object({
    scheme: z.enum(['smtp', 'smtps']),
    user: z.string().optional(),
    password: z.string().optional(),
    host: required('host'),
    port: z.number().optional(),
    path: z.literal('', 'has a path, which a mail server does not have'),
    query: z.strictObject({
      from: mailAddress(),
      to: parameter().transform((list) => list.split(',').map((address) => address.trim())).pipe(z.array(mailAddress())),
      starttls: flag().optional(),
    }),
  })
  .refine(({ user, password }) => (user === undefined) === (password === undefined), 'has a user without a password, or a password without a user')
  .refine(
    ({ scheme, query }) => scheme === 'smtp' || query.starttls === undefined,
    'has starttls=, which smtps:// does not need: it is encrypted from the first byte',
  )
  .transform(({ scheme, user, password, host, port, query }) => ({
    scheme,
    host,
    port: port ?? (scheme === 'smtps' ? 465 : 587),
    secure: scheme === 'smtps',
    ...(user === undefined || password === undefined ? {} : { user, password }),
    from: query.from,
    to: query.to,
    starttls: starttls(query.starttls, password !== undefined),
  }));

/** A password is sent in the clear only where the connection says so. */
function starttls(wanted: boolean | undefined, withPassword: boolean): ConfigByRole['mail']['starttls'] {
  if (wanted !== undefined) return wanted ? 'required' : 'never';
  return withPassword ? 'required' : 'if-offered';
}

const slack = z
  .object({
    scheme: z.enum(['http', 'https']),
    user: absent('a user'),
    password: absent('a password'),
    host: required('host'),
    port: z.number().optional(),
    encodedPath: required('path: copy the whole URL of the incoming webhook'),
    query: z.strictObject({}),
  })
  .transform(({ scheme, host, port, encodedPath }) => {
    const origin = `${scheme}://${hostPort(host, port)}`;
    return { scheme: 'slack' as const, url: `${origin}/${encodedPath}`, origin };
  });

/** Whoever has the address can write into the channel. */
const slackScheme = {
  schema: slack,
  example: 'https://hooks.slack.com/services/TEAM/HOOK/SECRET',
  secretsOf: ({ path, encodedPath }: UriParts, uri: string) => [uri, path, encodedPath, encodedPath.slice(encodedPath.lastIndexOf('/') + 1)].map((secret) => ({ secret })),
};

const pagerduty = z
  .object({
    user: required('routing key before the @'),
    password: absent('a password'),
    host: required('host'),
    port: z.number().optional(),
    path: z.literal('', 'has a path, which the Events API does not need'),
    query: z.strictObject({ tls: flag().default(true) }),
  })
  .transform(({ user, host, port, query }) => ({
    scheme: 'pagerduty' as const,
    baseUrl: `http${query.tls ? 's' : ''}://${hostPort(host, port)}`,
    routingKey: user,
  }));

const pagerdutyScheme = {
  schema: pagerduty,
  example: 'pagerduty://ROUTING_KEY@events.pagerduty.com',
  secretsOf: ({ user, password }: UriParts) => [user, password].flatMap((secret) => (secret === undefined ? [] : [{ secret }])),
};

const postgresScheme = { schema: postgres, example: 'postgres://USER:PASSWORD@db.example.com:5432/warehouse?schema=public&sslmode=verify-full' };
const restScheme = { schema: rest, example: 'https://:TOKEN@api.example.com/v1?timeout=30' };

/** Every scheme of every role; the first one of a role is the example in messages. */
export const SCHEMES: { readonly [R in Role]: Readonly<Record<string, Scheme<ConfigByRole[R]>>> } = {
  'sql-source': {
    mysql: { schema: mysql, example: 'mysql://USER:PASSWORD@db.example.com:3306/shop?timezone=Europe/London&ssl=true' },
    duckdb: { schema: duckdbSource, example: 'duckdb:///data/shop.duckdb?timezone=UTC' },
  },
  'rest-source': { https: restScheme, http: restScheme },
  'item-source': { dynamodb: { schema: dynamodb, example: 'dynamodb:///products?region=eu-west-1' } },
  'object-store': {
    file: { schema: file, example: 'file:///data/lake' },
    s3: { schema: s3, example: 's3://KEY:SECRET@bucket/prefix?region=eu-west-1' },
  },
  warehouse: {
    duckdb: { schema: duckdbWarehouse, example: 'duckdb:///data/warehouse.duckdb' },
    postgres: postgresScheme,
    postgresql: postgresScheme,
    'redshift-data': { schema: redshiftData, example: 'redshift-data://eu-west-1/dev?workgroup=etl&iam-role=arn:aws:iam::123456789012:role/redshift-copy&staging=s3://bucket/staging' },
  },
  function: {
    lambda: { schema: lambda, example: 'lambda://eu-west-1/millrace-transform?qualifier=live' },
    process: { schema: inProcess, example: 'process://transform' },
  },
  mail: {
    smtp: { schema: mail, example: 'smtp://USER:PASSWORD@mail.example.com:587?from=etl@example.com&to=team@example.com' },
    smtps: { schema: mail, example: 'smtps://USER:PASSWORD@mail.example.com:465?from=etl@example.com&to=team@example.com' },
  },
  slack: { https: slackScheme, http: slackScheme },
  incident: { pagerduty: pagerdutyScheme },
  metrics: { cloudwatch: { schema: cloudWatch, example: 'cloudwatch://eu-west-1/Millrace' } },
  'message-log': { kafka: { schema: kafka, example: 'kafka://USER:PASSWORD@broker-1.example.com:9093,broker-2.example.com:9093?sasl=scram-sha-512' } },
};

/** The first scheme's example. */
export function exampleOf(role: Role): string {
  return Object.values(SCHEMES[role])[0]?.example ?? '';
}
