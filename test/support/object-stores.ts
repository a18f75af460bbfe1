import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalDirectoryStore } from '../../src/object-store/local-directory.js';
import type { ObjectStore } from '../../src/object-store/object-store.js';
import { createS3Store } from '../../src/object-store/s3.js';
import { startVersityGateway, type VersityGateway } from '../servers/versitygw.js';

export interface StartedStore {
  store: ObjectStore;
  stop(): Promise<void>;
}

/** A local directory that is removed at the end. */
export async function startLocalStore(): Promise<StartedStore> {
  const root = await mkdtemp(join(tmpdir(), 'millrace-store-'));
  return { store: createLocalDirectoryStore({ root }), stop: () => rm(root, { recursive: true, force: true }) };
}

/** A bucket of a gateway of its own. */
export async function startS3Store({ versioned = false } = {}): Promise<StartedStore & { gateway: VersityGateway }> {
  const gateway = await startVersityGateway();
  await gateway.createBucket('raw', { versioned });
  const store = createS3Store({ ...gateway.access('raw'), versioned });
  return {
    store,
    gateway,
    async stop() {
      await store.close();
      await gateway.stop();
    },
  };
}
