import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { createLocalDirectoryStore } from '../../src/object-store/local-directory.js';
import { createS3Store } from '../../src/object-store/s3.js';
import { locateVersityGateway, startVersityGateway } from '../servers/versitygw.js';
import { describeWithServer } from '../support/with-server.js';
import { objectStoreContract, type ObjectStoreUnderTest } from './object-store.contract.js';
import { wildcardsContract } from './wildcards.contract.js';

async function localDirectory(): Promise<ObjectStoreUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-store-'));
  // Percent signs and spaces in the root's own path must survive the addresses.
  const root = join(folder, 'a lake %20 +');
  return {
    store: createLocalDirectoryStore({ root }),
    async leftovers() {
      const entries = await readdir(join(root, '.millrace-tmp'), { recursive: true, withFileTypes: true }).catch(() => []);
      return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
    },
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}

async function s3(prefix?: string): Promise<ObjectStoreUnderTest> {
  const gateway = await startVersityGateway();
  await gateway.createBucket('lake');
  const options = gateway.access('lake');
  const store = createS3Store({ ...options, ...(prefix === undefined ? {} : { prefix }) });
  const client = new S3Client(options);
  return {
    store,
    async leftovers() {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: 'lake' }));
      return Uploads.map(({ Key = '' }) => Key);
    },
    async stop() {
      client.destroy();
      await store.close();
      await gateway.stop();
    },
  };
}

objectStoreContract('of a local directory', localDirectory);
wildcardsContract('a local directory', localDirectory);
describeWithServer('with an S3 gateway', locateVersityGateway, () => {
  objectStoreContract('S3', () => s3());
  objectStoreContract('S3 below a prefix', () => s3('/team a/lake+1/'));
  wildcardsContract('S3', () => s3());
  wildcardsContract('S3 below a prefix', () => s3('/team a/lake+1/'));
});
