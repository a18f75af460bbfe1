import { z } from 'zod';
import { awsKeys, bothKeys, credentials } from './aws-fields.js';
import type { AwsCredentials, RedshiftDataConfig, S3Config } from './configs.js';
import { absent, endpoint, identifier, parameter, required } from './fields.js';

const ARN = /^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d*:\S+$/;

const arn = (what: string) => z.string().regex(ARN, `is not the ARN of a ${what}`);

const bucketAndPrefix = z.string('is missing').regex(/^s3:\/\/[A-Za-z0-9][A-Za-z0-9._-]{1,62}(\/[^?]*)?$/, 'is not an address such as s3://bucket/prefix');

const parameters = z
  .strictObject({
    cluster: parameter().optional(),
    'db-user': parameter().optional(),
    workgroup: parameter().optional(),
    'secret-arn': arn('secret').optional(),
    'iam-role': z.string().refine((role) => role === 'default' || ARN.test(role), 'is neither the ARN of a role nor "default"').default('default'),
    staging: bucketAndPrefix,
    schema: identifier('schema').optional(),
    endpoint: endpoint().optional(),
    's3-endpoint': endpoint().optional(),
  })
  .refine(({ cluster, workgroup }) => (cluster === undefined) !== (workgroup === undefined), { path: ['cluster'], error: 'or "workgroup" is needed, and only one of them' })
  .refine(({ workgroup, 'db-user': dbUser }) => workgroup === undefined || dbUser === undefined, { path: ['db-user'], error: 'is for a cluster: in a workgroup the IAM identity or the secret names the user' })
  .refine(({ 'secret-arn': secret, 'db-user': dbUser }) => secret === undefined || dbUser === undefined, { path: ['db-user'], error: 'and "secret-arn" both name a user: give one of them' });

type Parameters = z.infer<typeof parameters>;

/** `redshift-data://KEY:SECRET@REGION/DATABASE?workgroup=…&staging=s3://…` */
export const redshiftData = z
  .object({
    ...awsKeys,
    host: required('region').regex(/^[a-z]{2}(-[a-z0-9]+)+$/, 'names a region that AWS cannot have (such as eu-west-1)'),
    port: absent('a port (give a server of your own as endpoint=http://host:port)'),
    path: required('database'),
    query: parameters,
  })
  .refine(...bothKeys)
  .transform(({ user, password, host: region, path: database, query }): RedshiftDataConfig => {
    const keys = credentials(user, password);
    return {
      scheme: 'redshift-data',
      region,
      database,
      target: targetOf(query),
      iamRole: query['iam-role'],
      staging: stagingOf(query, region, keys),
      ...(query['secret-arn'] === undefined ? {} : { secretArn: query['secret-arn'] }),
      ...(query.schema === undefined ? {} : { schema: query.schema }),
      ...(query.endpoint === undefined ? {} : { endpoint: query.endpoint }),
      ...keys,
    };
  });

function targetOf({ cluster, workgroup, 'db-user': dbUser }: Parameters): RedshiftDataConfig['target'] {
  if (cluster !== undefined) return { cluster, ...(dbUser === undefined ? {} : { dbUser }) };
  return { workgroup: workgroup ?? '' };
}

/** In the warehouse's region, which COPY of Parquet asks for, and with its credentials. */
function stagingOf({ staging, 's3-endpoint': s3Endpoint }: Parameters, region: string, keys: { credentials?: AwsCredentials }): S3Config {
  const [bucket = '', ...folders] = staging.slice('s3://'.length).split('/');
  return {
    scheme: 's3',
    bucket,
    prefix: folders.filter(Boolean).join('/'),
    region,
    ...(s3Endpoint === undefined ? {} : { endpoint: s3Endpoint }),
    forcePathStyle: s3Endpoint !== undefined,
    versioned: false,
    ...keys,
  };
}
