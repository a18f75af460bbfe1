import { Client } from 'pg';
import { createS3Store } from '../../src/object-store/s3.js';
import type { DuckDBLimits } from '../../src/duckdb/duckdb.js';
import { createRedshiftWarehouse, type RedshiftWarehouseOptions } from '../../src/warehouse/redshift.js';
import type { Warehouse } from '../../src/warehouse/warehouse.js';
import { locatePostgres, startPostgres, type PostgresServer } from './postgres.js';
import { startRedshiftData, type RedshiftDataOptions, type RedshiftDataServer } from './redshift-data/server.js';
import { locateVersityGateway, startVersityGateway, type VersityGateway } from './versitygw.js';

/** The Data API over a PostgreSQL of its own, with an S3 that COPY and UNLOAD use. */
export interface RedshiftStack {
  data: RedshiftDataServer;
  postgres: PostgresServer;
  s3: VersityGateway;
  /** The bucket of the staging area, there from the start. */
  bucket: string;
  /** `redshift-data://…` for `MILLRACE_CONN_WAREHOUSE`. */
  uri: string;
  /** Addresses of the objects in the staging area. */
  staged(): Promise<string[]>;
  /** Runs statements in PostgreSQL itself, past the service. */
  sql(text: string): Promise<void>;
  warehouse(limits: DuckDBLimits, overrides?: Partial<RedshiftWarehouseOptions>): Warehouse;
  stop(): Promise<void>;
}

const BUCKET = 'warehouse-staging';
/** The servers are on this machine. */
const POLL = { firstMs: 10, maxMs: 100 };

export function locateRedshift(): unknown[] {
  return [locatePostgres(), locateVersityGateway()];
}

export async function startRedshift(options: Pick<RedshiftDataOptions, 'limits'> = {}): Promise<RedshiftStack> {
  const [postgres, s3] = await Promise.all([startPostgres(), startVersityGateway()]);
  await s3.createBucket(BUCKET);
  const keys = { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey };
  // AWS has one pair of keys for both services.
  const data = await startRedshiftData({ ...options, postgres, credentials: keys, s3: { endpoint: s3.endpoint, region: s3.region, credentials: keys } });
  const parameters = new URLSearchParams({ workgroup: data.workgroup, 'iam-role': data.iamRole, staging: `s3://${BUCKET}/millrace`, endpoint: data.endpoint, 's3-endpoint': s3.endpoint });
  return {
    data,
    postgres,
    s3,
    bucket: BUCKET,
    uri: `redshift-data://${keys.accessKeyId}:${encodeURIComponent(keys.secretAccessKey)}@${data.region}/${postgres.database}?${parameters.toString()}`,
    staged: async () => {
      const store = createS3Store(s3.access(BUCKET));
      const found: string[] = [];
      for await (const { key } of store.list('')) found.push(store.uri(key));
      await store.close();
      return found;
    },
    sql: async (text) => {
      const admin = new Client({ ...postgres });
      await admin.connect();
      await admin.query(text);
      await admin.end();
    },
    warehouse: (limits, overrides = {}) =>
      createRedshiftWarehouse({
        region: data.region,
        endpoint: data.endpoint,
        credentials: keys,
        database: postgres.database,
        target: { workgroup: data.workgroup },
        iamRole: data.iamRole,
        staging: createS3Store({ ...s3.access(BUCKET), prefix: 'millrace' }),
        poll: POLL,
        limits,
        ...overrides,
      }),
    async stop() {
      await data.stop();
      await Promise.all([postgres.stop(), s3.stop()]);
    },
  };
}
