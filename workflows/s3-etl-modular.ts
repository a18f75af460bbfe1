import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { dataInterval } from '../src/durable/data-interval.js';
import { withCleanup } from '../src/durable/with-cleanup.js';
import { CLEANUP } from './policies.js';
import { fileGroups } from './s3-etl-groups.js';
import type { S3EtlParams, S3EtlResult } from './s3-etl.js';

const groups = fileGroups();
const { removeSalesStaging } = proxyActivities<Activities>(CLEANUP);

/** What `s3Etl` does, made of task groups that other pipelines can import too. */
export async function s3EtlModular({ pattern = 'incoming/data_*.csv', ready = {}, limit = 200, ...params }: S3EtlParams = {}): Promise<S3EtlResult> {
  const interval = dataInterval(params);

  return withCleanup((outcome) => removeSalesStaging(interval, outcome), async () => {
    const { notes, left } = await groups.ingest({ pattern, ready, limit }, interval);
    const files = await groups.transform(notes, interval, params.timezone);
    const { staged, rejects } = await groups.load(files, interval);
    const checks = await groups.validate(staged, files, interval);
    const published = await groups.publish(staged, files, interval);
    return { interval, files: notes.map(({ key, etag, rows }) => ({ key, etag, rows })), left, ...rejects, ...published, checks };
  });
}
