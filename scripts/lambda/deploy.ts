import {
  CreateAliasCommand,
  CreateFunctionCommand,
  GetAliasCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  PublishVersionCommand,
  ResourceNotFoundException,
  UpdateAliasCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
  type FunctionConfiguration,
  type LambdaClient,
  type Runtime,
} from '@aws-sdk/client-lambda';
import type { FunctionBundle } from './bundle.js';

/** What a deployed function is to be. */
export interface Deployment {
  functionName: string;
  bundle: FunctionBundle;
  /** ARN of the execution role; needed for a function that is new, kept otherwise. */
  role?: string;
  /** MB; CPU comes with it. */
  memory: number;
  /** Seconds. */
  timeout: number;
  /** Absent: kept as it is. */
  environment?: Record<string, string>;
  /** What runs invoke: moved to the new version when everything before has succeeded. */
  alias: string;
  /** Event with which the new version is invoked before the alias is moved; absent: only a dry run. */
  smoke?: { event: unknown; expectError?: string };
}

export type DeploymentStep = 'create' | 'update code' | 'update configuration' | 'publish version' | 'smoke test' | 'create alias' | 'move alias';

export interface DeploymentReport {
  /** What was done, or, in a dry run, what would be done. */
  steps: DeploymentStep[];
  codeSha256: string;
  /** That the alias names now; absent in a dry run. */
  version?: string;
}

const RUNTIME: Runtime = 'nodejs22.x';
const WAIT = { maxWaitTime: 120, minDelay: 0.5, maxDelay: 5 };

/**
 * Brings a function to what is asked for, with as few changes as possible: code whose checksum is that of the present one is not sent, a
 * version that exists is not published again. The alias is moved last, so that a deployment that fails in the middle changes nothing for
 * those who invoke it. Run again, it goes on from there.
 */
export async function deployFunction(client: LambdaClient, deployment: Deployment, { dryRun }: { dryRun: boolean }): Promise<DeploymentReport> {
  const { functionName: FunctionName, bundle, alias } = deployment;
  const steps: DeploymentStep[] = [];
  const report = (version?: string): DeploymentReport => ({ steps, codeSha256: bundle.codeSha256, ...(version === undefined ? {} : { version }) });
  /** Notes the step, and does it unless this is a dry run. */
  const step = async (name: DeploymentStep, work: () => Promise<unknown>): Promise<void> => {
    steps.push(name);
    if (!dryRun) await work();
  };

  const present = await present404(client.send(new GetFunctionConfigurationCommand({ FunctionName })));
  if (present === undefined) {
    await step('create', () => create(client, deployment));
  } else {
    if (present.CodeSha256 !== bundle.codeSha256) await step('update code', () => updateCode(client, deployment));
    if (differs(present, deployment)) await step('update configuration', () => updateConfiguration(client, deployment));
  }

  const aliased = present && (await present404(client.send(new GetAliasCommand({ FunctionName, Name: alias }))));
  if (present && aliased?.FunctionVersion !== undefined && steps.length === 0 && (await isLatest(client, FunctionName, aliased.FunctionVersion, present))) return report(aliased.FunctionVersion);
  if (dryRun) {
    steps.push('publish version', 'smoke test', aliased ? 'move alias' : 'create alias');
    return report();
  }
  steps.push('publish version');
  // The checksum makes sure that it is our code that is published, whoever else deploys at the same time.
  const { Version } = await client.send(new PublishVersionCommand({ FunctionName, CodeSha256: bundle.codeSha256 }));
  await waitUntilFunctionActiveV2({ client, ...WAIT }, { FunctionName, Qualifier: Version });
  steps.push('smoke test');
  await smokeTest(client, deployment, Version!);
  const target = { FunctionName, Name: alias, FunctionVersion: Version };
  steps.push(aliased ? 'move alias' : 'create alias');
  if (aliased) await client.send(new UpdateAliasCommand(target));
  else await client.send(new CreateAliasCommand(target));
  return report(Version);
}

/** Invokes the version itself; a function that fails otherwise than expected is not given to anybody. */
export async function smokeTest(client: LambdaClient, { functionName: FunctionName, smoke }: Deployment, Qualifier: string): Promise<void> {
  await client.send(new InvokeCommand({ FunctionName, Qualifier, InvocationType: 'DryRun' }));
  if (smoke === undefined) return;
  const { FunctionError, Payload, LogResult } = await client.send(new InvokeCommand({ FunctionName, Qualifier, LogType: 'Tail', Payload: JSON.stringify(smoke.event) }));
  const answer = Buffer.from(Payload ?? []).toString('utf8');
  const errorType = FunctionError === undefined ? undefined : (JSON.parse(answer) as { errorType?: string }).errorType;
  if (errorType === smoke.expectError) return;
  const log = Buffer.from(LogResult ?? '', 'base64').toString('utf8');
  throw new Error(`version ${Qualifier} of ${FunctionName} does not work: it answered ${answer.slice(0, 500)}\n${log}\nThe alias still names the version before.`);
}

async function create(client: LambdaClient, { functionName: FunctionName, bundle, role, memory, timeout, environment = {} }: Deployment): Promise<void> {
  if (role === undefined) throw new Error(`the function ${FunctionName} does not exist, and a new one needs the ARN of its execution role: --role`);
  await client.send(
    new CreateFunctionCommand({
      FunctionName,
      Role: role,
      Runtime: RUNTIME,
      Handler: 'index.handler',
      Code: { ZipFile: bundle.zip },
      MemorySize: memory,
      Timeout: timeout,
      Environment: { Variables: environment },
    }),
  );
  await waitUntilFunctionActiveV2({ client, ...WAIT }, { FunctionName });
}

async function updateCode(client: LambdaClient, { functionName: FunctionName, bundle }: Deployment): Promise<void> {
  const { CodeSha256 } = await client.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: bundle.zip }));
  if (CodeSha256 !== bundle.codeSha256) throw new Error(`Lambda has received other code for ${FunctionName} than was sent (checksum ${CodeSha256})`);
  await waitUntilFunctionUpdatedV2({ client, ...WAIT }, { FunctionName });
}

async function updateConfiguration(client: LambdaClient, { functionName: FunctionName, role, memory, timeout, environment }: Deployment): Promise<void> {
  await client.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName,
      Runtime: RUNTIME,
      MemorySize: memory,
      Timeout: timeout,
      ...(role === undefined ? {} : { Role: role }),
      ...(environment === undefined ? {} : { Environment: { Variables: environment } }),
    }),
  );
  await waitUntilFunctionUpdatedV2({ client, ...WAIT }, { FunctionName });
}

function differs(present: FunctionConfiguration, { role, memory, timeout, environment }: Deployment): boolean {
  return (
    present.Runtime !== RUNTIME ||
    present.MemorySize !== memory ||
    present.Timeout !== timeout ||
    (role !== undefined && present.Role !== role) ||
    (environment !== undefined && !sameVariables(present.Environment?.Variables ?? {}, environment))
  );
}

function sameVariables(a: Record<string, string>, b: Record<string, string>): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => a[name] === b[name]);
}

/** Whether the version that the alias names is what `$LATEST` is now: else an earlier deployment has stopped before its end. */
async function isLatest(client: LambdaClient, FunctionName: string, Qualifier: string, latest: FunctionConfiguration): Promise<boolean> {
  const version = await client.send(new GetFunctionConfigurationCommand({ FunctionName, Qualifier }));
  return (
    version.CodeSha256 === latest.CodeSha256 &&
    version.MemorySize === latest.MemorySize &&
    version.Timeout === latest.Timeout &&
    sameVariables(version.Environment?.Variables ?? {}, latest.Environment?.Variables ?? {})
  );
}

/** `undefined` for what does not exist. */
async function present404<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}
