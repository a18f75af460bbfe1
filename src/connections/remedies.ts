import type { ErrorCode } from '../errors.js';
import type { SettingReport } from './connections.js';

/** Schemes whose other end is a server that somebody starts. */
const SERVERS: Readonly<Record<string, string>> = {
  mysql: 'MySQL',
  postgres: 'PostgreSQL',
  'redshift-data': 'the Redshift cluster or workgroup',
  http: 'the API',
  https: 'the API',
  dynamodb: 'DynamoDB',
  s3: 'the S3 server',
  lambda: 'the Lambda endpoint',
  cloudwatch: 'the network to CloudWatch',
  smtp: 'the mail server',
  smtps: 'the mail server',
  slack: 'the network to Slack',
  kafka: 'the Kafka brokers',
  pagerduty: 'the network to PagerDuty',
};

/** What a person does about a failed check of a connection; `report` is absent where it is set nowhere. */
export function remedyFor(code: ErrorCode | undefined, setting: string, report?: SettingReport): string {
  const server = SERVERS[report?.scheme ?? ''];
  switch (code) {
    case 'CONNECTION_MISSING':
      return `set ${setting} in the environment or in a profile, or start the embedded stack (npm start)`;
    case 'CONNECTION_MALFORMED':
      return `correct ${setting}`;
    case 'SOURCE_UNAVAILABLE':
    case 'STORE_UNAVAILABLE':
    case 'WAREHOUSE_UNAVAILABLE':
    case 'FUNCTION_UNAVAILABLE':
    case 'METRICS_UNAVAILABLE':
    case 'ALERT_UNDELIVERED':
      if (report?.source === 'stack') return 'start the embedded stack (npm start)';
      return server === undefined ? `check the path in ${setting}` : `start ${server}, or correct the host and port in ${setting}`;
    case 'SOURCE_FORBIDDEN':
    case 'STORE_FORBIDDEN':
    case 'WAREHOUSE_FORBIDDEN':
    case 'FUNCTION_FORBIDDEN':
    case 'METRICS_FORBIDDEN':
      return server === undefined ? `give this user the right to use the path in ${setting}` : `correct the credentials in ${setting}, or have access granted`;
    case 'ALERT_REJECTED':
      if (report?.scheme === 'slack') return `make the incoming webhook anew in Slack, and set ${setting} to its URL`;
      if (report?.scheme === 'pagerduty') return `correct the routing key in ${setting}: it belongs to an integration "Events API v2"`;
      return `correct the user, the password and the addresses (from, to) in ${setting}`;
    case 'WAREHOUSE_BUSY':
      return 'wait until the other process is done, or stop it';
    case 'SOURCE_RATE_LIMITED':
    case 'FUNCTION_THROTTLED':
      return 'try again later';
    case 'SOURCE_MISSING':
    case 'OBJECT_MISSING':
    case 'FUNCTION_MISSING':
      return `create it, or correct the name in ${setting}`;
    default:
      return `see the message, and correct ${setting} or the server behind it`;
  }
}
