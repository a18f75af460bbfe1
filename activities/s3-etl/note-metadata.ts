import { Context } from '@temporalio/activity';
import type { ArrivedFile } from '../../src/arrivals/arrivals.js';
import { readCsvRecords } from '../../src/csv/read-records.js';
import { reportProgress } from '../../src/steps/progress.js';
import type { Dependencies } from '../dependencies.js';
import { sensedVersion } from './arrived-files.js';

export interface FileMetadata extends ArrivedFile {
  /** Records behind the header, usable or not: what the transform function reads. */
  rows: number;
}

/** Key, size, ETag, version and rows of one arrived CSV file. `OBJECT_CHANGED` when it is no longer the version that was sensed. */
export function createNoteMetadata(deps: Dependencies) {
  return async function noteMetadata(file: ArrivedFile): Promise<FileMetadata> {
    const { cancellationSignal: signal, log } = Context.current();
    const store = deps.incoming();
    const { body } = await store.get(file.key, { ...sensedVersion(file), signal });
    let records = 0;
    try {
      for await (const batch of readCsvRecords(body, file.uri)) {
        records += batch.length;
        reportProgress({ rows: records });
      }
    } finally {
      body.destroy();
    }
    const rows = Math.max(0, records - 1);
    log.info(`${file.key}: ${file.size} bytes, ${rows} rows, etag ${file.etag}, modified ${file.lastModified}`);
    return { ...file, rows };
  };
}
