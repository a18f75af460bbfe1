import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeConfig, type ConfigByRole } from '../../src/connections/configs.js';
import { loadConnections } from '../../src/connections/connections.js';
import { KNOWN_CONNECTIONS, type ConnectionName, type Role } from '../../src/connections/known-connections.js';

const ROOT = resolve('/srv/shop');

function read<R extends Role>(role: R, uri: string): ConfigByRole[R] {
  return loadConnections({ env: { MILLRACE_CONN_TEST: uri }, root: ROOT }).get('TEST', role);
}

/** What is said of a URI that cannot be used. */
function problem(name: ConnectionName, uri: string): string {
  const connections = loadConnections({ env: { [`MILLRACE_CONN_${name}`]: uri }, root: ROOT });
  expect(connections.problems).toHaveLength(1);
  expect(connections.problems[0]?.setting).toBe(`MILLRACE_CONN_${name}`);
  expect(() => connections.get(name, KNOWN_CONNECTIONS[name])).toThrow(expect.objectContaining({ code: 'CONNECTION_MALFORMED', retryable: false }) as Error);
  return connections.problems[0]!.message;
}

describe('the URI of a connection', () => {
  it('reads MySQL', () => {
    expect(read('sql-source', 'mysql://etl%40shop:p%2Fa%20s@db.example.com:3307/shop?timezone=Europe/London&ssl=true')).toEqual({
      scheme: 'mysql',
      user: 'etl@shop',
      password: 'p/a s',
      host: 'db.example.com',
      port: 3307,
      database: 'shop',
      timezone: 'Europe/London',
      tls: 'verify',
    });
    expect(read('sql-source', 'mysql://etl@[::1]/shop')).toMatchObject({ host: '::1', port: 3306, password: '', timezone: 'UTC', tls: 'off' });
    expect(read('sql-source', 'mysql://etl@h/shop?ssl=no-verify')).toMatchObject({ tls: 'no-verify' });
  });

  it('reads an @ in a password that nobody encoded', () => {
    expect(read('sql-source', 'mysql://etl:p@ss@h/shop')).toMatchObject({ user: 'etl', password: 'p@ss', host: 'h' });
  });

  it('reads DuckDB files, absolute or below the project', () => {
    expect(read('sql-source', 'duckdb:///data/a%20b.duckdb?timezone=Asia/Kolkata')).toEqual({ scheme: 'duckdb', path: '/data/a b.duckdb', timezone: 'Asia/Kolkata' });
    expect(read('warehouse', 'duckdb:data/w.duckdb')).toEqual({ scheme: 'duckdb', path: resolve(ROOT, 'data/w.duckdb') });
    expect(read('warehouse', 'duckdb://Data/w.duckdb')).toEqual({ scheme: 'duckdb', path: resolve(ROOT, 'Data/w.duckdb') });
    expect(read('warehouse', 'duckdb://./w.duckdb')).toEqual({ scheme: 'duckdb', path: resolve(ROOT, 'w.duckdb') });
  });

  it('reads PostgreSQL under both of its names', () => {
    const expected = { scheme: 'postgres', user: 'u', password: 'p', host: 'h', port: 5432, database: 'dw', schema: 'shop', tls: 'verify' };
    expect(read('warehouse', 'postgres://u:p@h/dw?schema=shop&sslmode=verify-full')).toEqual(expected);
    expect(read('warehouse', 'postgresql://u:p@h:5432/dw?schema=shop&sslmode=require')).toEqual(expected);
    expect(read('warehouse', 'postgres://u:p@h/dw')).toEqual({ scheme: 'postgres', user: 'u', password: 'p', host: 'h', port: 5432, database: 'dw', tls: 'off' });
  });

  it('reads Redshift: a workgroup or a cluster, its role, and where files are put for it', () => {
    expect(read('warehouse', 'redshift-data://AKIA:s%2Fcret@eu-west-1/dev?workgroup=etl&iam-role=arn:aws:iam::123456789012:role/copy&staging=s3://lake/redshift/&schema=shop')).toEqual({
      scheme: 'redshift-data',
      region: 'eu-west-1',
      database: 'dev',
      target: { workgroup: 'etl' },
      iamRole: 'arn:aws:iam::123456789012:role/copy',
      staging: { scheme: 's3', bucket: 'lake', prefix: 'redshift', region: 'eu-west-1', forcePathStyle: false, versioned: false, credentials: { accessKeyId: 'AKIA', secretAccessKey: 's/cret' } },
      schema: 'shop',
      credentials: { accessKeyId: 'AKIA', secretAccessKey: 's/cret' },
    });
    expect(read('warehouse', 'redshift-data://eu-west-1/dev?cluster=main&db-user=loader&staging=s3://lake')).toMatchObject({ target: { cluster: 'main', dbUser: 'loader' }, iamRole: 'default' });
    const secret = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:warehouse-AbCdEf';
    const own = read('warehouse', `redshift-data://eu-west-1/dev?cluster=main&secret-arn=${secret}&staging=s3://lake/x&endpoint=http://127.0.0.1:1&s3-endpoint=http://127.0.0.1:2`);
    expect(own).toMatchObject({ secretArn: secret, endpoint: 'http://127.0.0.1:1', staging: { endpoint: 'http://127.0.0.1:2', forcePathStyle: true } });
  });

  it('reads REST APIs with a token, a login or neither', () => {
    expect(read('rest-source', 'https://:t%2Bk@api.example.com/v1/?timeout=2.5&name=crm')).toEqual({
      scheme: 'https',
      baseUrl: 'https://api.example.com/v1',
      auth: { kind: 'bearer', token: 't+k' },
      name: 'crm',
      timeoutMs: 2500,
    });
    expect(read('rest-source', 'http://u:p@127.0.0.1:8080')).toEqual({ scheme: 'http', baseUrl: 'http://127.0.0.1:8080', auth: { kind: 'basic', user: 'u', password: 'p' } });
    expect(read('rest-source', 'http://[::1]:8080/a%20b')).toEqual({ scheme: 'http', baseUrl: 'http://[::1]:8080/a%20b', auth: { kind: 'none' } });
  });

  it('reads DynamoDB at AWS and elsewhere', () => {
    expect(read('item-source', 'dynamodb:///products?region=eu-west-1')).toEqual({ scheme: 'dynamodb', table: 'products', region: 'eu-west-1' });
    expect(read('item-source', 'dynamodb://key:sec%2Fret@127.0.0.1:8000/products?region=local&tls=false')).toEqual({
      scheme: 'dynamodb',
      table: 'products',
      region: 'local',
      endpoint: 'http://127.0.0.1:8000',
      credentials: { accessKeyId: 'key', secretAccessKey: 'sec/ret' },
    });
    expect(read('item-source', 'dynamodb://ddb.example.com/products?region=x')).toMatchObject({ endpoint: 'https://ddb.example.com:443' });
  });

  it('reads object stores', () => {
    expect(read('object-store', 'file:///data/the%20lake')).toEqual({ scheme: 'file', root: '/data/the lake' });
    expect(read('object-store', 'file://localhost/data')).toEqual({ scheme: 'file', root: '/data' });
    expect(read('object-store', 'file:lake')).toEqual({ scheme: 'file', root: resolve(ROOT, 'lake') });
    expect(read('object-store', 's3://Bucket.1/a/b%20c/?region=eu-west-1')).toEqual({ scheme: 's3', bucket: 'Bucket.1', prefix: 'a/b c', region: 'eu-west-1', forcePathStyle: false, versioned: false });
    expect(read('object-store', 's3://KEY:a%2Bb%2Fc@lake?endpoint=http://127.0.0.1:7070')).toEqual({
      scheme: 's3',
      bucket: 'lake',
      prefix: '',
      region: 'us-east-1',
      endpoint: 'http://127.0.0.1:7070',
      forcePathStyle: true,
      versioned: false,
      credentials: { accessKeyId: 'KEY', secretAccessKey: 'a+b/c' },
    });
    expect(read('object-store', 's3://lake?endpoint=https://s3.example.com&forcePathStyle=false&versioned=true')).toMatchObject({ forcePathStyle: false, versioned: true });
  });

  it('reads namespaces of CloudWatch', () => {
    expect(read('metrics', 'cloudwatch://eu-west-1/Millrace')).toEqual({ scheme: 'cloudwatch', region: 'eu-west-1', namespace: 'Millrace', steps: true });
    expect(read('metrics', 'cloudwatch://KEY:a%2Fb@eu-west-1/Shop/Etl?steps=false&endpoint=http://127.0.0.1:9002')).toEqual({
      scheme: 'cloudwatch',
      region: 'eu-west-1',
      namespace: 'Shop/Etl',
      steps: false,
      endpoint: 'http://127.0.0.1:9002',
      credentials: { accessKeyId: 'KEY', secretAccessKey: 'a/b' },
    });
  });

  it('reads functions of AWS Lambda, and of the worker itself', () => {
    expect(read('function', 'lambda://eu-west-1/millrace-transform')).toEqual({ scheme: 'lambda', region: 'eu-west-1', functionName: 'millrace-transform' });
    expect(read('function', 'lambda://KEY:a%2Fb@eu-west-1/transform?qualifier=live&endpoint=http://127.0.0.1:9001&timeout=60')).toEqual({
      scheme: 'lambda',
      region: 'eu-west-1',
      functionName: 'transform',
      qualifier: 'live',
      endpoint: 'http://127.0.0.1:9001',
      timeoutMs: 60_000,
      credentials: { accessKeyId: 'KEY', secretAccessKey: 'a/b' },
    });
    expect(read('function', 'process://transform')).toEqual({ scheme: 'process', name: 'transform' });
  });

  it('reads mail servers, and a plus sign in an address as one', () => {
    expect(read('mail', 'smtp://mail.local?from=etl@localhost&to=team+etl@example.com,%20lead@example.com')).toEqual({
      scheme: 'smtp',
      host: 'mail.local',
      port: 587,
      secure: false,
      from: 'etl@localhost',
      to: ['team+etl@example.com', 'lead@example.com'],
      starttls: 'if-offered',
    });
    expect(read('mail', 'smtps://u:p@mail.local?from=a@b&to=c@d')).toMatchObject({ port: 465, secure: true, user: 'u', password: 'p' });
  });

  it('reads an incoming webhook of Slack, whose path is part of what is called', () => {
    expect(read('slack', 'https://hooks.slack.com/services/T01/B02/s%2Fcret')).toEqual({ scheme: 'slack', url: 'https://hooks.slack.com/services/T01/B02/s%2Fcret', origin: 'https://hooks.slack.com' });
    expect(read('slack', 'http://127.0.0.1:8080/hook')).toMatchObject({ url: 'http://127.0.0.1:8080/hook' });
  });

  it('reads a Kafka cluster: encrypted and by PLAIN where there is a user, unless it is told otherwise', () => {
    expect(read('message-log', 'kafka://localhost')).toEqual({ scheme: 'kafka', brokers: ['localhost:9092'], tls: 'off', clientId: 'millrace' });
    expect(read('message-log', 'kafka://etl:p%40ss@a.example.com:9093,b.example.com,[::1]:9095?sasl=scram-sha-512&client-id=shop')).toEqual({
      scheme: 'kafka',
      brokers: ['a.example.com:9093', 'b.example.com:9092', '[::1]:9095'],
      tls: 'verify',
      sasl: { mechanism: 'scram-sha-512', username: 'etl', password: 'p@ss' },
      clientId: 'shop',
    });
    expect(read('message-log', 'kafka://u:p@h?tls=false')).toMatchObject({ tls: 'off', sasl: { mechanism: 'plain' } });
  });

  it('reads an incident service, over TLS unless it is told otherwise', () => {
    expect(read('incident', 'pagerduty://R0UT1NGKEY@events.eu.pagerduty.com')).toEqual({ scheme: 'pagerduty', baseUrl: 'https://events.eu.pagerduty.com', routingKey: 'R0UT1NGKEY' });
    expect(read('incident', 'pagerduty://k@127.0.0.1:8080?tls=false')).toMatchObject({ baseUrl: 'http://127.0.0.1:8080' });
  });

  it('sends a mail password over TLS only, unless it is told otherwise', () => {
    expect(read('mail', 'smtp://u:p@m?from=a@b&to=c@d')).toMatchObject({ starttls: 'required' });
    expect(read('mail', 'smtp://u:p@m?from=a@b&to=c@d&starttls=false')).toMatchObject({ starttls: 'never' });
    expect(read('mail', 'smtp://m?from=a@b&to=c@d&starttls=true')).toMatchObject({ starttls: 'required' });
  });

  it.each<[ConnectionName, string, RegExp]>([
    ['SALES', 'db.example.com/shop', /is no sql source: its scheme is none of mysql, duckdb/],
    ['SALES', 'oracle://u:p@h/db', /none of mysql, duckdb/],
    ['LAKE', 'duckdb:///x', /is no object store: its scheme is none of file, s3/],
    ['METRICS', 'cloudwatch:///Millrace', /names no region/],
    ['METRICS', 'cloudwatch://eu-west-1/', /names no namespace|cannot have/],
    ['METRICS', 'cloudwatch://eu-west-1/AWS/Lambda', /of AWS itself/],
    ['METRICS', 'cloudwatch://eu-west-1/Millrace?steps=no', /neither true nor false/],
    ['TRANSFORM', 'lambda:///transform', /names no region/],
    ['TRANSFORM', 'lambda://eu-west-1/', /names no function|names a function that Lambda cannot have/],
    ['TRANSFORM', 'lambda://eu-west-1/transform?timeout=901', /more than 900 seconds/],
    ['TRANSFORM', 'lambda://KEY@eu-west-1/transform', /one half of its credentials/],
    ['TRANSFORM', 'process://transform/x', /has a path/],
    ['WAREHOUSE', 'constructor://x', /none of duckdb, postgres, postgresql, redshift-data/],
    ['WAREHOUSE', 'redshift-data://eu-west-1/dev?staging=s3://lake', /"cluster" or "workgroup" is needed/],
    ['WAREHOUSE', 'redshift-data://eu-west-1/dev?cluster=a&workgroup=b&staging=s3://lake', /"cluster" or "workgroup" is needed/],
    ['WAREHOUSE', 'redshift-data://eu-west-1/dev?workgroup=b', /"staging" is missing/],
    ['WAREHOUSE', 'redshift-data://eu-west-1/dev?workgroup=b&staging=/tmp', /"staging" is not an address such as s3:/],
    ['WAREHOUSE', 'redshift-data://eu-west-1/dev?workgroup=b&db-user=x&staging=s3://lake', /"db-user" is for a cluster/],
    ['WAREHOUSE', 'redshift-data://eu-west-1/dev?workgroup=b&iam-role=copy&staging=s3://lake', /"iam-role" is neither the ARN of a role/],
    ['WAREHOUSE', 'redshift-data://eu-west-1?workgroup=b&staging=s3://lake', /names no database/],
    ['SALES', 'mysql://u:p@h:70000/db', /port outside 1 to 65535/],
    ['SALES', 'mysql://u:p@h:0/db', /port outside 1 to 65535/],
    ['SALES', 'mysql://u:p@h', /names no database/],
    ['SALES', 'mysql://h/db', /names no user/],
    ['SALES', 'mysql:u:p@h/db', /does not begin with mysql:\/\//],
    ['SALES', 'mysql://u:p@h/db?timezone=Mars/Olympus', /"timezone" is not an IANA time zone/],
    ['SALES', 'mysql://u:p@h/db?timezone=%2B02:00', /Etc\/GMT-2/],
    ['SALES', 'mysql://u:p@h/db?timezone=', /"timezone" is not an IANA time zone/],
    ['SALES', 'mysql://u:p@h/db?charset=latin1&tz=UTC', /unknown parameter: charset, tz/],
    ['SALES', 'mysql://u:p@h/db?ssl=maybe', /"ssl" is none of true, false, no-verify/],
    ['SALES', 'mysql://u:p@h/db?ssl=true&ssl=false', /"ssl" twice/],
    ['SALES', 'mysql://u:p%zz@h/db', /% that is not followed by two hexadecimal digits/],
    ['SALES', 'mysql://u:p@h/db\u0000', /control character/],
    ['WAREHOUSE', 'duckdb://:memory:', /database in memory/],
    ['WAREHOUSE', 'duckdb:', /names no path/],
    ['WAREHOUSE', 'duckdb:///w.duckdb?timezone=UTC', /unknown parameter: timezone/],
    ['WAREHOUSE', 'postgres://u:p@h/db?sslmode=prefer', /"sslmode" is none of disable, require, verify-full, no-verify/],
    ['WAREHOUSE', 'postgres://u:p@h/db?schema=a%20b', /"schema" is not the name of a schema/],
    ['CUSTOMERS', 'https://TOKEN@h/v1', /user without a password/],
    ['CUSTOMERS', 'https://h/v1?timeout=soon', /"timeout" is not a number of seconds/],
    ['CUSTOMERS', 'https://h/v1?timeout=0', /"timeout" is not a number of seconds above 0/],
    ['CATALOG', 'dynamodb:///products', /"region" is missing/],
    ['CATALOG', 'dynamodb://key@h/products?region=x', /one half of its credentials/],
    ['CATALOG', 'dynamodb:///a/b?region=x', /table that DynamoDB cannot have/],
    ['LAKE', 'file:///a?region=x', /unknown parameter: region/],
    ['LAKE', 'file://u:p@host/a', /has a user or a host/],
    ['LAKE', 'file:///a%2Fb', /cannot be decoded/],
    ['CLICKS', 's3://lake', /"region" is missing/],
    ['CLICKS', 's3://lake?region=', /"region" is empty/],
    ['CLICKS', 's3:///prefix?region=x', /names no bucket/],
    ['CLICKS', 's3://lake:9000/p?region=x', /has a port/],
    ['CLICKS', 's3://lake?endpoint=ftp://h', /"endpoint" is not an address/],
    ['MAIL', 'smtp://m', /"from" is missing; parameter "to" is missing/],
    ['SLACK', 'https://hooks.slack.com', /names no path: copy the whole URL/],
    ['SLACK', 'https://u:p@hooks.slack.com/services/x', /has a user.*has a password/],
    ['KAFKA_DEFAULT', 'kafka://h/topic', /has a path: the topic is a parameter/],
    ['KAFKA_DEFAULT', 'kafka://user@h', /has a user without a password/],
    ['KAFKA_DEFAULT', 'kafka://h?sasl=plain', /has sasl= without a user/],
    ['KAFKA_DEFAULT', 'kafka://a:9092,,b:9092', /empty host|cannot be read/],
    ['KAFKA_DEFAULT', 'kafka://a:9092,b:99999', /port outside/],
    ['INCIDENT', 'pagerduty://events.pagerduty.com', /names no routing key before the @/],
    ['INCIDENT', 'pagerduty://k@h/v2/enqueue', /has a path/],
    ['MAIL', 'smtp://m?from=etl&to=team', /"from" is not a mail address.*"to" is not a mail address/],
    ['MAIL', 'smtp://u@m?from=a@b&to=c@d', /user without a password/],
    ['MAIL', 'smtps://m?from=a@b&to=c@d&starttls=true', /smtps:\/\/ does not need/],
  ])('refuses %s=%s', (name, uri, expected) => {
    expect(problem(name, uri)).toMatch(expected);
  });

  it.each<[ConnectionName, string]>([
    ['SALES', 'mysql://etl:hunter/two@h/db'],
    ['SALES', 'mysql://etl:hunter#two@h/db'],
    ['SALES', 'mysql://etl:hunter?two@h/db'],
    ['SALES', 'mysql://etl:12/huntertwo@h/db'],
    ['SALES', 'mysql://etl:12?huntertwo@h/db'],
    ['SALES', 'mysql://etl:12?hunter=two@h/db'],
    ['SALES', 'huntertwo'],
    ['SALES', 'hunter://two'],
    ['CUSTOMERS', 'https://huntertwo@h'],
    ['CLICKS', 's3://KEY:12/huntertwo@lake?region=x'],
    ['CLICKS', 's3://lake?region=x&endpoint=http://k:huntertwo@h'],
    ['TRANSFORM', 'lambda://KEY:12/huntertwo@eu-west-1/transform'],
    ['METRICS', 'cloudwatch://KEY:12/huntertwo@eu-west-1/Millrace'],
    ['MAIL', 'smtp://etl:12/huntertwo@m?from=a@b&to=c@d'],
    ['MAIL', 'smtp://etl:12?huntertwo@m'],
    ['LAKE', 'file://etl:huntertwo@h/x'],
    ['WAREHOUSE', 'postgres://etl:huntertwo@h:99999/x'],
    ['WAREHOUSE', 'redshift-data://AKIA:12/huntertwo@eu-west-1/dev?workgroup=b&staging=s3://lake'],
  ])('never repeats a part of what it refuses: %s=%s', (name, uri) => {
    const connections = loadConnections({ env: { [`MILLRACE_CONN_${name}`]: uri }, root: ROOT });
    expect(connections.problems).toHaveLength(1);
    let thrown = '';
    try {
      connections.get(name, KNOWN_CONNECTIONS[name]);
    } catch (error) {
      thrown = `${String(error)} ${JSON.stringify(error)}`;
    }
    expect(thrown).toContain(`MILLRACE_CONN_${name}`);
    expect(`${thrown} ${JSON.stringify(connections.problems)} ${JSON.stringify(connections.settings)}`).not.toMatch(/hunter|two/);
  });

  it('is described without credentials', () => {
    const described: [Role, string, string][] = [
      ['sql-source', 'mysql://etl:hunter@h:3306/shop', 'mysql://h:3306/shop'],
      ['sql-source', 'duckdb:///data/shop.duckdb', 'duckdb:///data/shop.duckdb'],
      ['warehouse', 'postgres://etl:hunter@[::1]/dw', 'postgres://[::1]:5432/dw'],
      ['warehouse', 'redshift-data://AKIA:hunter@eu-west-1/dev?workgroup=etl&staging=s3://lake', 'redshift-data://eu-west-1/dev (workgroup etl)'],
      ['rest-source', 'https://:hunter@h/v1', 'https://h/v1'],
      ['item-source', 'dynamodb://key:hunter@h:8000/products?region=x&tls=false', 'dynamodb://h:8000/products'],
      ['item-source', 'dynamodb:///products?region=eu-west-1', 'dynamodb://eu-west-1/products'],
      ['object-store', 'file:///data/lake', 'file:///data/lake'],
      ['object-store', 's3://key:hunter@lake/raw?endpoint=http://h:7070', 's3://lake/raw at http://h:7070'],
      ['metrics', 'cloudwatch://key:hunter@eu-west-1/Millrace?endpoint=http://h:9001', 'cloudwatch://eu-west-1/Millrace at http://h:9001'],
      ['function', 'lambda://key:hunter@eu-west-1/transform?qualifier=live&endpoint=http://h:9001', 'lambda://eu-west-1/transform:live at http://h:9001'],
      ['function', 'process://transform', 'process://transform'],
      ['mail', 'smtp://etl:hunter@m?from=a@b&to=c@d,e@f', 'smtp://m:587 to c@d, e@f'],
      ['slack', 'https://hooks.slack.com/services/hunter', 'https://hooks.slack.com/…'],
      ['incident', 'pagerduty://hunter@events.pagerduty.com', 'pagerduty at https://events.pagerduty.com'],
    ];
    for (const [role, uri, expected] of described) expect(describeConfig(read(role, uri))).toBe(expected);
  });
});
