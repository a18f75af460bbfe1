import { Context } from '@temporalio/activity';
import { storeProcessed, type ProcessedFile } from '../../src/arrivals/processed-files.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import type { Dependencies } from '../dependencies.js';

/**
 * Notes in the warehouse (`millrace_files`) that these files are done with: no later run takes the same versions again. Comes after
 * publishing, which therefore has to replace what it published for the same files before.
 */
export function createMarkProcessed(deps: Dependencies) {
  return async function markProcessed(files: ProcessedFile[], interval: DataInterval): Promise<void> {
    const { info, log } = Context.current();
    await storeProcessed(deps.warehouse(), { pipeline: interval.pipeline, run: interval.run, step: info.activityId }, files, new Date());
    log.info(`marked ${files.length} files`);
  };
}
