import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { GetAliasCommand, GetFunctionConfigurationCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bundleFunction, type FunctionBundle } from '../../scripts/lambda/bundle.js';
import { deployFunction, type Deployment } from '../../scripts/lambda/deploy.js';
import { startLambdaServer, type LambdaServer } from '../servers/lambda/server.js';
import { lambdaClient, zipOf } from '../support/lambda-functions.js';

const WORKS = "exports.handler = async (event) => { throw Object.assign(new Error('no event'), { name: 'BAD_PARAMS' }); };";

function bundleOf(code: string): FunctionBundle {
  const zip = zipOf({ 'index.js': code });
  return { zip, codeSha256: createHash('sha256').update(zip).digest('base64') };
}

describe('deploying a function', () => {
  let server: LambdaServer;
  let client: LambdaClient;
  let base: Deployment;

  beforeAll(async () => {
    server = await startLambdaServer();
    client = lambdaClient(server);
  });
  afterAll(async () => {
    client.destroy();
    await server.stop();
  });
  beforeEach(({ task }) => {
    base = { functionName: `f-${task.id}`, bundle: bundleOf(WORKS), role: 'arn:aws:iam::000000000000:role/etl', memory: 256, timeout: 30, alias: 'live', smoke: { event: {}, expectError: 'BAD_PARAMS' } };
  });

  const deploy = (change: Partial<Deployment> = {}, dryRun = false) => deployFunction(client, { ...base, ...change }, { dryRun });
  const live = async (): Promise<string | undefined> => (await client.send(new GetAliasCommand({ FunctionName: base.functionName, Name: 'live' }))).FunctionVersion;

  it('creates it with its alias, and does nothing when it is run again', async () => {
    expect(await deploy()).toEqual({ steps: ['create', 'publish version', 'smoke test', 'create alias'], codeSha256: base.bundle.codeSha256, version: '1' });
    expect(await live()).toBe('1');
    expect(await deploy()).toEqual({ steps: [], codeSha256: base.bundle.codeSha256, version: '1' });
  });

  it('sends what has changed and nothing else', async () => {
    await deploy();
    const changed = bundleOf(`${WORKS}// changed`);
    expect(await deploy({ bundle: changed })).toMatchObject({ steps: ['update code', 'publish version', 'smoke test', 'move alias'], version: '2' });
    expect(await deploy({ bundle: changed, memory: 512 })).toMatchObject({ steps: ['update configuration', 'publish version', 'smoke test', 'move alias'], version: '3' });
    expect(await deploy({ bundle: changed, memory: 512, environment: { A: '1' } })).toMatchObject({ steps: ['update configuration', 'publish version', 'smoke test', 'move alias'], version: '4' });
    expect(await live()).toBe('4');
    const version = await client.send(new GetFunctionConfigurationCommand({ FunctionName: base.functionName, Qualifier: 'live' }));
    expect(version).toMatchObject({ CodeSha256: changed.codeSha256, MemorySize: 512, Environment: { Variables: { A: '1' } } });
  });

  it('does not give a version that does not work to anybody, and goes on from there', async () => {
    await deploy();
    await expect(deploy({ bundle: bundleOf("console.log('starting'); require('no-such-package');") })).rejects.toThrow(/version 2 of .* does not work: .*Runtime\.ImportModuleError[^]*The alias still names the version before/);
    expect(await live()).toBe('1');
    expect(await deploy({ bundle: bundleOf(`${WORKS}// repaired`) })).toMatchObject({ version: '3' });
    expect(await live()).toBe('3');
  });

  it('goes on where a deployment stopped before its alias was moved', async () => {
    await deploy();
    const changed = bundleOf(`${WORKS}// changed`);
    await deploy({ bundle: changed, smoke: { event: {}, expectError: 'ANOTHER' } }).catch(() => undefined);
    expect(await live()).toBe('1');
    expect(await deploy({ bundle: changed })).toMatchObject({ steps: ['publish version', 'smoke test', 'move alias'], version: '2' });
  });

  it('changes nothing in a dry run', async () => {
    expect((await deploy({}, true)).steps).toEqual(['create', 'publish version', 'smoke test', 'create alias']);
    await expect(client.send(new GetFunctionConfigurationCommand({ FunctionName: base.functionName }))).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await deploy();
    expect((await deploy({ timeout: 60 }, true)).steps).toEqual(['update configuration', 'publish version', 'smoke test', 'move alias']);
    expect(await live()).toBe('1');
  });

  it('needs a role for a function that is new', async () => {
    const { role: _, ...without } = base;
    await expect(deployFunction(client, without, { dryRun: false })).rejects.toThrow('--role');
  });

  it('makes the same zip of the same sources', async () => {
    const [first, second] = [await bundleFunction('transform'), await bundleFunction('transform')];
    expect(first.codeSha256).toBe(second.codeSha256);
    expect(first.codeSha256).toBe(createHash('sha256').update(first.zip).digest('base64'));
    expect(first.zip.length).toBeLessThan(50 * 1024 * 1024);
  });

  it('is one command', async () => {
    const run = promisify(execFile);
    const env = {
      ...process.env,
      AWS_ENDPOINT_URL_LAMBDA: server.endpoint,
      AWS_REGION: server.region,
      AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
    };
    const command = (...args: string[]) => run(process.execPath, ['--import', 'tsx', 'scripts/deploy-lambda.ts', ...args, '--name', base.functionName], { env });
    const { stdout } = await command('transform', '--role', 'arn:aws:iam::000000000000:role/etl', '--timeout', '60');
    expect(stdout).toMatch(/^transform: \d+ KiB, checksum \S+\ndone: create, publish version, smoke test, create alias; live is version 1\n$/);
    expect((await command('transform', '--timeout', '60', '--dry-run')).stdout).toContain('nothing to do: live is version 1');
    await expect(command('nobody')).rejects.toMatchObject({ code: 1, stderr: 'millrace: which function? One of transform, arrival\n' });
  }, 120_000);
});
