import { bundleFunction } from '../../scripts/lambda/bundle.js';
import { createFunction, lambdaClient } from '../support/lambda-functions.js';
import { startLambdaServer, type LambdaServer } from './lambda/server.js';
import { startMoto, type CloudWatchServer } from './moto.js';
import { startRedshift, type RedshiftStack } from './redshift.js';

/** S3, Lambda with the transform function's real zip, and Redshift, behind the protocols of the official clients. */
export interface AwsStack {
  redshift: RedshiftStack;
  lambda: LambdaServer;
  /** Only where it was asked for. */
  cloudWatch: CloudWatchServer | undefined;
  /** URIs with their secrets, for `MILLRACE_CONN_…`. */
  connections: Readonly<Record<'INCOMING' | 'LAKE' | 'TRANSFORM' | 'WAREHOUSE', string> & { METRICS?: string }>;
  stop(): Promise<void>;
}

/** Seconds. */
const FUNCTION_TIMEOUT = 120;

export async function startAws({ withCloudWatch = false }: { withCloudWatch?: boolean } = {}): Promise<AwsStack> {
  const cloudWatch = withCloudWatch ? await startMoto() : undefined;
  const redshift = await startRedshift();
  const { endpoint, region: s3Region, accessKeyId, secretAccessKey } = redshift.s3;
  const lambda = await startLambdaServer({ environment: { AWS_ENDPOINT_URL_S3: endpoint, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } });
  const client = lambdaClient(lambda);
  await createFunction(client, 'transform', { zip: (await bundleFunction('transform')).zip, timeout: FUNCTION_TIMEOUT });
  client.destroy();
  await redshift.s3.createBucket('raw', { versioned: true });
  await redshift.s3.createBucket('lake');

  const bucketUri = (bucket: string, more: Record<string, string> = {}): string =>
    `s3://${accessKeyId}:${encodeURIComponent(secretAccessKey)}@${bucket}?${new URLSearchParams({ endpoint, region: s3Region, ...more }).toString()}`;
  const { region, credentials } = lambda;
  const functionParameters = new URLSearchParams({ qualifier: '1', endpoint: lambda.endpoint, timeout: String(FUNCTION_TIMEOUT) });
  return {
    redshift,
    lambda,
    cloudWatch,
    connections: {
      INCOMING: bucketUri('raw', { versioned: 'true' }),
      LAKE: bucketUri('lake'),
      TRANSFORM: `lambda://${encodeURIComponent(credentials.accessKeyId)}:${encodeURIComponent(credentials.secretAccessKey)}@${region}/transform?${functionParameters.toString()}`,
      WAREHOUSE: redshift.uri,
      ...(cloudWatch === undefined ? {} : { METRICS: cloudWatch.uri('Millrace') }),
    },
    async stop() {
      await lambda.stop();
      await redshift.stop();
      await cloudWatch?.stop();
    },
  };
}
