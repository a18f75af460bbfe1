import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { freePort, stopProcess } from './server-process.js';
import { ServerUnavailable } from './server-unavailable.js';
import { LOOPBACK, answers } from '../../src/stack/ports.js';

export interface VersityGateway {
  /** `http://127.0.0.1:port`; buckets are addressed by path. */
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** Where the gateway keeps its buckets, one folder each. */
  dataDir: string;
  /** What the official client and our store need to use a bucket. */
  access(bucket: string): GatewayAccess;
  createBucket(name: string, options?: { versioned?: boolean }): Promise<void>;
  stop(): Promise<void>;
}

export interface GatewayAccess {
  bucket: string;
  endpoint: string;
  region: string;
  forcePathStyle: true;
  credentials: { accessKeyId: string; secretAccessKey: string };
}

const REGION = 'eu-central-1';

/** The path of the S3 gateway's program; throws `ServerUnavailable` where there is none. */
export function locateVersityGateway(): string {
  const named = process.env['MILLRACE_VERSITYGW'];
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'millrace', 'bin');
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''), join(goPath(), 'bin'), cache];
  const found = [...(named ? [named] : []), ...folders.map((folder) => join(folder, 'versitygw'))].find((file) => existsSync(file));
  if (found) return found;
  throw new ServerUnavailable('the S3 gateway is not installed: `go install github.com/versity/versitygw/cmd/versitygw@v1.8.0`');
}

function goPath(): string {
  try {
    return execFileSync('go', ['env', 'GOPATH'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    // Go was there once and has left its programs, or never was.
    return join(homedir(), 'go');
  }
}

/** An S3 server of its own over a temporary folder: loopback, free port, versions kept where a bucket asks for them. */
export async function startVersityGateway(): Promise<VersityGateway> {
  const program = locateVersityGateway();
  const folder = await mkdtemp(join(tmpdir(), 'millrace-s3-'));
  const dataDir = join(folder, 'data');
  const versions = join(folder, 'versions');
  await mkdir(dataDir);
  await mkdir(versions);
  const credentials = { accessKeyId: 'millrace-test', secretAccessKey: 'secret of a throw-away gateway' };
  const port = await freePort();
  const listen = ['--quiet', '--keep-alive', '--region', REGION, '--port', `127.0.0.1:${port}`];
  const child = spawn(program, [...listen, 'posix', '--versioning-dir', versions, dataDir], {
    env: { ...process.env, ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killWithParent = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithParent);
  const client = new S3Client({ region: REGION, endpoint: `http://127.0.0.1:${port}`, forcePathStyle: true, credentials });
  const stop = async (): Promise<void> => {
    process.off('exit', killWithParent);
    client.destroy();
    await stopProcess(child, 'SIGTERM');
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilListening(child, port);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    endpoint: `http://127.0.0.1:${port}`,
    region: REGION,
    ...credentials,
    dataDir,
    access: (bucket) => ({ bucket, endpoint: `http://127.0.0.1:${port}`, region: REGION, forcePathStyle: true, credentials }),
    async createBucket(name, { versioned = false } = {}) {
      await client.send(new CreateBucketCommand({ Bucket: name }));
      if (!versioned) return;
      await client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: 'Enabled' } }));
    },
    stop,
  };
}

/** It prints its banner before it listens, so that only a connection tells. */
async function untilListening(child: ChildProcess, port: number): Promise<void> {
  let log = '';
  let ended: Error | undefined;
  const collect = (text: Buffer): void => void (log = (log + text.toString()).slice(-4000));
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  child.once('error', (error) => (ended = error));
  child.once('exit', (code) => (ended = new Error(`the S3 gateway ended with code ${code}:\n${log}`)));
  const deadline = Date.now() + 20_000;
  while (!(await answers(`${LOOPBACK}:${port}`))) {
    if (ended) throw ended;
    if (Date.now() > deadline) throw new Error(`the S3 gateway does not listen:\n${log}`);
    await delay(20);
  }
}
