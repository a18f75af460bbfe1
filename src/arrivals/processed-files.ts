import type { TableSpec, Warehouse } from '../warehouse/warehouse.js';
import type { ArrivedFile } from './arrivals.js';

/** One row for each version of a file that a run has done with: no sensor of the pipeline takes it again. */
export const PROCESSED_FILES: TableSpec = {
  name: 'millrace_files',
  columns: [
    { name: 'pipeline', type: 'text' },
    { name: 'file_key', type: 'text' },
    { name: 'etag', type: 'text' },
    { name: 'version_id', type: 'text', nullable: true },
    { name: 'uri', type: 'text' },
    { name: 'bytes', type: 'bigint' },
    { name: 'modified_at', type: 'timestamp' },
    /** `processed`, or `set-aside` for a file that failed for good. */
    { name: 'status', type: 'text' },
    { name: 'reason', type: 'text', nullable: true },
    { name: 'row_count', type: 'bigint', nullable: true },
    { name: 'run', type: 'text' },
    /** The step that has written the row. */
    { name: 'step', type: 'text' },
    { name: 'processed_at', type: 'timestamp' },
  ],
  key: ['pipeline', 'file_key', 'etag', 'run', 'step'],
};

export interface ProcessedFile {
  file: ArrivedFile;
  /** Default `processed`. */
  status?: 'processed' | 'set-aside';
  /** Why it was set aside. */
  reason?: string;
  /** Rows of it that were published. */
  rows?: number;
}

/** Files asked for in one statement. */
const KEYS_PER_QUERY = 500;

/**
 * Those of the files that no run of the pipeline has done with. A file counts by its key and etag: an object that is written again with the
 * same bytes may keep its etag (S3 does that), and is the same then; any other replacement is new.
 */
export async function unprocessed<F extends { key: string; etag: string }>(warehouse: Warehouse, pipeline: string, files: readonly F[], signal: AbortSignal): Promise<F[]> {
  if (files.length === 0 || !(await warehouse.describe(PROCESSED_FILES.name))) return [...files];
  const { dialect } = warehouse;
  const done = new Set<string>();
  for (let start = 0; start < files.length; start += KEYS_PER_QUERY) {
    const keys = files.slice(start, start + KEYS_PER_QUERY).map(({ key }) => dialect.literal(key, 'text'));
    const { rows } = await warehouse.query(
      `SELECT DISTINCT file_key, etag FROM ${dialect.identifier(PROCESSED_FILES.name)} WHERE pipeline = ${dialect.literal(pipeline, 'text')} AND file_key IN (${keys.join(', ')})`,
      { signal },
    );
    for (const [key, etag] of rows) done.add(identity(String(key), String(etag)));
  }
  return files.filter(({ key, etag }) => !done.has(identity(key, etag)));
}

/** Replaces what an earlier attempt of the same step has written. */
export async function storeProcessed(warehouse: Warehouse, by: { pipeline: string; run: string; step: string }, files: readonly ProcessedFile[], at: Date): Promise<void> {
  const { pipeline, run, step } = by;
  const rows = files.map(({ file, status = 'processed', reason, rows: count }) => [
    pipeline,
    file.key,
    file.etag,
    file.versionId ?? null,
    file.uri,
    file.size,
    file.lastModified,
    status,
    reason ?? null,
    count ?? null,
    run,
    step,
    at.toISOString(),
  ]);
  await warehouse.replaceRows(PROCESSED_FILES, { pipeline, run, step }, rows);
}

function identity(key: string, etag: string): string {
  return `${key}\n${etag}`;
}
