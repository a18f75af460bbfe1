import '../src/quiet-aws.js';
/**
 * Deploys a function of `lambda/`: bundles it, creates or updates it where its checksum or its settings differ, publishes a version, tries
 * that, and moves the alias to it. Region and credentials are the AWS SDK's own (AWS_REGION, AWS_PROFILE, …).
 *
 *   node dist/scripts/deploy-lambda.js transform --role arn:aws:iam::…:role/…
 *     --name NAME        default millrace-transform, millrace-arrival
 *     --alias ALIAS      default live
 *     --memory MB        default 1024
 *     --timeout SECONDS  default 900 for transform, 30 for arrival
 *     --env NAME=VALUE   environment of the function; may be repeated. Without it the present one is kept
 *     --zip FILE         write the bundle there as well
 *     --dry-run          says what would be done; changes nothing
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { bundleFunction, FUNCTIONS, type FunctionName } from './lambda/bundle.js';
import { deployFunction, type Deployment } from './lambda/deploy.js';

const OPTIONS = {
  name: { type: 'string' },
  role: { type: 'string' },
  alias: { type: 'string', default: 'live' },
  memory: { type: 'string', default: '1024' },
  timeout: { type: 'string' },
  env: { type: 'string', multiple: true },
  zip: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
} as const;

const DEFAULT_TIMEOUT: Record<FunctionName, string> = { transform: '900', arrival: '30' };

/** What a new version is asked to do: nothing, and to say so in its own words. The arrival function accepts S3's test event. */
const SMOKE: Record<FunctionName, NonNullable<Deployment['smoke']>> = {
  transform: { event: {}, expectError: 'BAD_PARAMS' },
  arrival: { event: { Service: 'Amazon S3', Event: 's3:TestEvent' } },
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  const name = FUNCTIONS.find((candidate) => candidate === positionals[0]);
  if (name === undefined || positionals.length !== 1) throw new Error(`which function? One of ${FUNCTIONS.join(', ')}`);
  const bundle = await bundleFunction(name);
  console.log(`${name}: ${Math.round(bundle.zip.length / 1024)} KiB, checksum ${bundle.codeSha256}`);
  if (values.zip !== undefined) await writeFile(values.zip, bundle.zip);

  const client = new LambdaClient({});
  try {
    const dryRun = values['dry-run'];
    const { steps, version } = await deployFunction(
      client,
      {
        functionName: values.name ?? `millrace-${name}`,
        bundle,
        ...(values.role === undefined ? {} : { role: values.role }),
        memory: wholeNumber('memory', values.memory),
        timeout: wholeNumber('timeout', values.timeout ?? DEFAULT_TIMEOUT[name]),
        ...(values.env === undefined ? {} : { environment: Object.fromEntries(values.env.map(variable)) }),
        alias: values.alias,
        smoke: SMOKE[name],
      },
      { dryRun },
    );
    if (steps.length === 0) console.log(`nothing to do: ${values.alias} is version ${version} with this code and these settings`);
    else console.log(`${dryRun ? 'would' : 'done'}: ${steps.join(', ')}${version === undefined ? '' : `; ${values.alias} is version ${version}`}`);
  } finally {
    client.destroy();
  }
}

function wholeNumber(name: string, text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new Error(`--${name} is not a whole number above 0`);
  return Number(text);
}

/** The value is not repeated in the error: it may be a secret. */
function variable(text: string): [name: string, value: string] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new Error('--env is not NAME=VALUE');
  return [text.slice(0, equals), text.slice(equals + 1)];
}

await main().catch((error: unknown) => {
  console.error(`millrace: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
