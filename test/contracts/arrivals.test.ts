import { locateVersityGateway } from '../servers/versitygw.js';
import { startLocalStore, startS3Store } from '../support/object-stores.js';
import { describeWithServer } from '../support/with-server.js';
import { arrivalsContract } from './arrivals.contract.js';

arrivalsContract('a local directory', startLocalStore);
describeWithServer('with an S3 gateway', locateVersityGateway, () => {
  arrivalsContract('S3', startS3Store);
  arrivalsContract('S3 that keeps versions', () => startS3Store({ versioned: true }));
});
