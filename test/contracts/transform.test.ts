import { locateVersityGateway } from '../servers/versitygw.js';
import { startLocalStore, startS3Store } from '../support/object-stores.js';
import { describeWithServer } from '../support/with-server.js';
import { transformContract } from './transform.contract.js';

transformContract('a local directory', startLocalStore);
describeWithServer('with an S3 gateway', locateVersityGateway, () => {
  transformContract('S3', startS3Store);
  transformContract('S3 that keeps versions', () => startS3Store({ versioned: true }));
});
