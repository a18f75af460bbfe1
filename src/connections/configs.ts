/** What a connection's URI says, typed; the discriminator is the scheme. */

export interface MySqlConfig {
  scheme: 'mysql';
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  /** IANA zone of timestamps that carry none. */
  timezone: string;
  /** `no-verify` encrypts and takes any certificate. */
  tls: TlsMode;
}

export interface DuckDBSourceConfig {
  scheme: 'duckdb';
  /** Absolute. */
  path: string;
  timezone: string;
}

export interface DuckDBWarehouseConfig {
  scheme: 'duckdb';
  /** Absolute. */
  path: string;
}

export interface PostgresConfig {
  scheme: 'postgres';
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  /** Absent: the first of the user's search path. */
  schema?: string;
  tls: TlsMode;
}

export interface RestConfig {
  scheme: 'http' | 'https';
  /** Without credentials, parameters and a slash at its end. */
  baseUrl: string;
  auth: { kind: 'none' } | { kind: 'bearer'; token: string } | { kind: 'basic'; user: string; password: string };
  /** What messages call the source, where the URI says so. */
  name?: string;
  /** For one answer. */
  timeoutMs?: number;
}

export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: string;
}

export interface DynamoDbConfig {
  scheme: 'dynamodb';
  table: string;
  region: string;
  /** Absent: the region's own. */
  endpoint?: string;
  /** Absent: the default chain of AWS (environment, profile, role). */
  credentials?: AwsCredentials;
}

export interface KafkaConfig {
  scheme: 'kafka';
  /** `host:port` each. */
  brokers: readonly string[];
  tls: TlsMode;
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string };
  clientId: string;
}

export interface LocalDirectoryConfig {
  scheme: 'file';
  /** Absolute. */
  root: string;
}

export interface S3Config {
  scheme: 's3';
  bucket: string;
  /** Without slashes at its ends; empty for the whole bucket. */
  prefix: string;
  region: string;
  endpoint?: string;
  forcePathStyle: boolean;
  /** The bucket keeps versions. */
  versioned: boolean;
  /** Absent: the default chain of AWS (environment, profile, role). */
  credentials?: AwsCredentials;
}

export interface LambdaConfig {
  scheme: 'lambda';
  region: string;
  functionName: string;
  /** Version or alias. */
  qualifier?: string;
  endpoint?: string;
  /** What the function itself may take. */
  timeoutMs?: number;
  /** Absent: the default chain of AWS (environment, profile, role). */
  credentials?: AwsCredentials;
}

export interface InProcessFunctionConfig {
  scheme: 'process';
  name: string;
}

export interface RedshiftDataConfig {
  scheme: 'redshift-data';
  region: string;
  database: string;
  target: { cluster: string; dbUser?: string } | { workgroup: string };
  secretArn?: string;
  /** Absent: the first of the user's search path. */
  schema?: string;
  /** An ARN, or `default`. */
  iamRole: string;
  /** Where files are put for COPY. */
  staging: S3Config;
  /** Absent: the region's own. */
  endpoint?: string;
  /** Absent: the default chain of AWS (environment, profile, role). */
  credentials?: AwsCredentials;
}

export interface CloudWatchConfig {
  scheme: 'cloudwatch';
  region: string;
  namespace: string;
  /** Whether there are metrics for single steps. */
  steps: boolean;
  /** Absent: the region's own. */
  endpoint?: string;
  /** Absent: the default chain of AWS (environment, profile, role). */
  credentials?: AwsCredentials;
}

export interface MailConfig {
  scheme: 'smtp' | 'smtps';
  host: string;
  port: number;
  /** TLS from the first byte (smtps). */
  secure: boolean;
  user?: string;
  password?: string;
  from: string;
  to: readonly string[];
  /** `if-offered` goes on in the clear where the server has no STARTTLS; never with a password. */
  starttls: 'required' | 'if-offered' | 'never';
}

/** An incoming webhook, whose address is the secret. */
export interface SlackConfig {
  scheme: 'slack';
  url: string;
  /** What of the address may be shown. */
  origin: string;
}

/** PagerDuty's Events API v2, or what speaks it. */
export interface IncidentConfig {
  scheme: 'pagerduty';
  baseUrl: string;
  routingKey: string;
}

export type TlsMode = 'off' | 'verify' | 'no-verify';

export interface ConfigByRole {
  'sql-source': MySqlConfig | DuckDBSourceConfig;
  'rest-source': RestConfig;
  'item-source': DynamoDbConfig;
  'object-store': LocalDirectoryConfig | S3Config;
  warehouse: DuckDBWarehouseConfig | PostgresConfig | RedshiftDataConfig;
  mail: MailConfig;
  function: LambdaConfig | InProcessFunctionConfig;
  slack: SlackConfig;
  incident: IncidentConfig;
  'message-log': KafkaConfig;
  metrics: CloudWatchConfig;
}

export type ConnectionConfig = ConfigByRole[keyof ConfigByRole];

/** An address for people, with nothing secret in it. */
export function describeConfig(config: ConnectionConfig): string {
  switch (config.scheme) {
    case 'mysql':
    case 'postgres':
      return `${config.scheme}://${hostPort(config.host, config.port)}/${config.database}`;
    case 'duckdb':
      return `duckdb://${config.path}`;
    case 'http':
    case 'https':
      return config.baseUrl;
    case 'slack':
      return `${config.origin}/…`;
    case 'pagerduty':
      return `pagerduty at ${config.baseUrl}`;
    case 'dynamodb':
      return `dynamodb://${config.endpoint?.replace(/^https?:\/\//, '') ?? config.region}/${config.table}`;
    case 'kafka':
      return `kafka://${config.brokers.join(',')}`;
    case 'cloudwatch':
      return `cloudwatch://${config.region}/${config.namespace}${config.endpoint === undefined ? '' : ` at ${config.endpoint}`}`;
    case 'file':
      return `file://${config.root}`;
    case 'lambda':
      return `lambda://${config.region}/${config.functionName}${config.qualifier === undefined ? '' : `:${config.qualifier}`}${config.endpoint === undefined ? '' : ` at ${config.endpoint}`}`;
    case 'process':
      return `process://${config.name}`;
    case 'redshift-data':
      return `redshift-data://${config.region}/${config.database} (${'cluster' in config.target ? `cluster ${config.target.cluster}` : `workgroup ${config.target.workgroup}`})`;
    case 's3':
      return `s3://${[config.bucket, config.prefix].filter(Boolean).join('/')}${config.endpoint === undefined ? '' : ` at ${config.endpoint}`}`;
    default:
      return `${config.scheme}://${hostPort(config.host, config.port)} to ${config.to.join(', ')}`;
  }
}

/** `[::1]:3306`, `db.example.com` */
export function hostPort(host: string, port?: number): string {
  return `${host.includes(':') ? `[${host}]` : host}${port === undefined ? '' : `:${port}`}`;
}
