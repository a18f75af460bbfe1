import { z } from 'zod';
import { awsKeys, bothKeys, credentials } from './aws-fields.js';
import type { CloudWatchConfig } from './configs.js';
import { absent, endpoint, flag, required } from './fields.js';

/** `cloudwatch://KEY:SECRET@REGION/NAMESPACE?steps=false` */
export const cloudWatch = z
  .object({
    ...awsKeys,
    host: required('region').regex(/^[a-z]{2}(-[a-z0-9]+)+$/, 'names a region that AWS cannot have (such as eu-west-1)'),
    port: absent('a port (give a server of your own as endpoint=http://host:port)'),
    path: required('namespace')
      .regex(/^[A-Za-z0-9.\-_/#]{1,255}$/, 'names a namespace that CloudWatch cannot have (1 to 255 of A-Z a-z 0-9 . - _ / #)')
      .refine((namespace) => !namespace.startsWith('AWS/'), 'names a namespace of AWS itself'),
    query: z.strictObject({ steps: flag().default(true), endpoint: endpoint().optional() }),
  })
  .refine(...bothKeys)
  .transform(
    ({ user, password, host: region, path: namespace, query }): CloudWatchConfig => ({
      scheme: 'cloudwatch',
      region,
      namespace,
      steps: query.steps,
      ...(query.endpoint === undefined ? {} : { endpoint: query.endpoint }),
      ...credentials(user, password),
    }),
  );
