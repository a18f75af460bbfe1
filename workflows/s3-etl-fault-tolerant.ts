import { ApplicationFailure, isCancellation, proxyActivities, uuid4 } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { FailedFile, FileSetAside } from '../activities/s3-etl/set-files-aside.js';
import type { TransformedFile } from '../activities/s3-etl/transformed-file.js';
import type { ArrivedFile } from '../src/arrivals/arrivals.js';
import { dataInterval, type DataInterval } from '../src/durable/data-interval.js';
import { describeError } from '../src/durable/describe-error.js';
import { mapSteps } from '../src/durable/map-steps.js';
import { taskGroup, withStepScope } from '../src/durable/step-scope.js';
import { sensors, waitFor } from '../src/durable/wait-for.js';
import { withCleanup } from '../src/durable/with-cleanup.js';
import type { ErrorCode } from '../src/errors.js';
import { ARRIVAL, CLEANUP, FILES_AT_A_TIME, PATIENT } from './policies.js';
import { fileGroups } from './s3-etl-groups.js';
import type { S3EtlParams, S3EtlResult } from './s3-etl.js';

const { findArrivals } = sensors<Activities>(ARRIVAL);
const { noteMetadata, transformFile, setFilesAside, markProcessed } = proxyActivities<Activities>(PATIENT);
const { removeSalesStaging } = proxyActivities<Activities>(CLEANUP);
const groups = fileGroups({ files: PATIENT, functions: PATIENT, transforms: PATIENT, warehouse: PATIENT });

export interface S3EtlFaultTolerantResult extends S3EtlResult {
  /** Files that failed for good; the run has published the others. */
  setAside: FileSetAside[];
}

/** What `s3Etl` does, for files of any quality: one that fails for good is set aside with its reason, and the others go on. */
export async function s3EtlFaultTolerant({ pattern = 'incoming/data_*.csv', ready = {}, limit = 200, ...params }: S3EtlParams = {}): Promise<S3EtlFaultTolerantResult> {
  const interval = dataInterval(params);

  // Unlike elsewhere a failed run leaves nothing: the next run takes the files anew.
  return withCleanup((outcome) => removeSalesStaging(interval, outcome === 'failed' ? 'cancelled' : outcome), async () => {
    const arrivals = await waitFor('arrival', () => findArrivals({ pattern, ready, limit }, interval));
    const outcomes = await taskGroup('transform', () =>
      mapSteps(arrivals.files, (file) => tryFile(file, interval, params.timezone), { key: ({ key }) => key, concurrency: FILES_AT_A_TIME }),
    );
    const files = outcomes.filter((outcome) => 'result' in outcome);
    const setAside = await setAsideAll(outcomes.filter((outcome) => 'code' in outcome), interval);
    if (files.length === 0) throw nothingLeft(setAside);

    const { staged, rejects } = await groups.load(files, interval);
    const checks = await groups.validate(staged, files, interval);
    const published = await groups.publish(staged, files, interval);
    const taken = files.map(({ file: { key, etag }, noted }) => ({ key, etag, rows: noted }));
    return { interval, files: taken, left: arrivals.left, ...rejects, ...published, checks, setAside };
  });
}

/** Codes that say something of the file. Any other failure is none of its fault: it fails the run, and the next one takes the file again. */
const FILE_FAULTS: ReadonlySet<string> = new Set<ErrorCode>([
  'SOURCE_EMPTY',
  'SOURCE_INCOMPLETE',
  'SOURCE_MALFORMED',
  'SOURCE_TOO_LARGE',
  'FUNCTION_CRASHED',
  'FUNCTION_FAILED',
  'RECONCILIATION_FAILED',
  'OBJECT_CHANGED',
  'OBJECT_MISSING',
]);

/** Nobody has to be asked about a step that fails here: the code goes on without the file. */
function tryFile(file: ArrivedFile, interval: DataInterval, timezone: string | undefined): Promise<TransformedFile | FailedFile> {
  return withStepScope({ mayHold: false }, async () => {
    try {
      const { rows } = await noteMetadata(file);
      const result = await transformFile(file, uuid4(), interval, timezone);
      if (result.rows.written > 0) return { file, noted: rows, result };
      return { file, code: 'SOURCE_MALFORMED' satisfies ErrorCode, message: `none of its ${result.rows.read} lines can be used: ${JSON.stringify(result.rejectedByReason)}` };
    } catch (error) {
      const { type: code, message } = describeError(error);
      if (isCancellation(error) || !FILE_FAULTS.has(code)) throw error;
      return { file, code, message };
    }
  });
}

async function setAsideAll(failed: FailedFile[], interval: DataInterval): Promise<FileSetAside[]> {
  if (failed.length === 0) return [];
  const { files } = await setFilesAside(failed, interval);
  await markProcessed(failed.map(({ file, code, message }) => ({ file, status: 'set-aside', reason: `${code}: ${message}` })), interval);
  return files;
}

function nothingLeft(setAside: readonly FileSetAside[]): ApplicationFailure {
  const [first] = setAside;
  const message = `All ${setAside.length} files were set aside, the first is ${first?.key} (${first?.code}: ${first?.message}). Nothing was published. Have them written again.`;
  return ApplicationFailure.nonRetryable(message, 'SOURCE_MALFORMED' satisfies ErrorCode);
}
