import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import type { DatasetRef } from '../src/datasets/dataset-ref.js';
import { writeTextParquet } from '../src/datasets/parquet-writer.js';
import type { DataInterval } from '../src/durable/data-interval.js';
import type { DuckDBLimits } from '../src/duckdb/duckdb.js';
import { MillraceError, isMillraceError } from '../src/errors.js';
import type { ObjectStore } from '../src/object-store/object-store.js';
import type { TextRow } from '../src/sources/sql-source.js';
import { reportProgress } from '../src/steps/progress.js';

/** What the lake keeps: `raw` as the sources sent it, `quarantine` and `exports` for good; `staging` goes when the run is over. */
export type Layer = 'raw' | 'staging' | 'quarantine' | 'exports';

/** `raw/ecommerce-daily/2010-12-01/<run>/`: an attempt overwrites its own run's files and nobody else's. */
export function runPrefix(layer: Layer, interval: DataInterval, run = interval.run): string {
  return `${layer}/${interval.pipeline}/${interval.label}/${run}/`;
}

/** A folder for this attempt alone, removed afterwards. */
export async function withScratchFolder<T>(limits: DuckDBLimits, use: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(limits.scratchDir, { recursive: true });
  const folder = await mkdtemp(join(limits.scratchDir, 'step-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function madeByThisStep(interval: DataInterval): DatasetRef['madeBy'] {
  const { activityId, attempt } = Context.current().info;
  return { pipeline: interval.pipeline, step: activityId, run: interval.run, attempt };
}

/** Writes a source's rows as they came, with their position, to one Parquet file in the lake's raw layer. */
export async function writeRawDataset(
  deps: { lake: ObjectStore; limits: DuckDBLimits },
  interval: DataInterval,
  name: string,
  columns: readonly string[],
  batches: AsyncIterable<readonly TextRow[]>,
): Promise<DatasetRef> {
  const signal = Context.current().cancellationSignal;
  return withScratchFolder(deps.limits, async (folder) => {
    const file = join(folder, `${name}.parquet`);
    const written = await writeTextParquet(file, columns, batches, folder, { signal, onRows: (rows) => reportProgress({ rows }) });
    const stored = await deps.lake.putFile(`${runPrefix('raw', interval)}${name}.parquet`, file, { move: true, signal });
    return { uri: deps.lake.uri(stored.key), format: 'parquet', ...written, madeBy: madeByThisStep(interval) };
  });
}

/**
 * A green run over nothing hides a failure upstream: an empty source fails the run unless it stands in `allowEmpty`. A pipeline
 * without that parameter gives none.
 */
export function refuseEmpty(ref: DatasetRef, source: string, where: string, interval: DataInterval, allowEmpty?: readonly string[]): DatasetRef {
  if (ref.rows > 0 || allowEmpty?.includes(source)) return ref;
  const remedy = allowEmpty === undefined ? 'Load the source and run again.' : `Load the source, or allow it with --param allowEmpty='["${source}"]'.`;
  throw new MillraceError('SOURCE_EMPTY', `${source} (${where}) has no rows for ${interval.label}. Nothing was published. ${remedy}`);
}

/** The dataset as a local file for DuckDB; says which dataset is gone when it is. */
export async function localDataset(lake: ObjectStore, ref: DatasetRef, scratchDir: string, signal: AbortSignal): Promise<string> {
  try {
    return await lake.localFile(lake.keyOf(ref.uri), scratchDir, { signal });
  } catch (error) {
    if (!isMillraceError(error) || error.code !== 'OBJECT_MISSING') throw error;
    throw new MillraceError('OBJECT_MISSING', `The dataset ${ref.uri} of step ${ref.madeBy.step} no longer exists. Run the pipeline again.`, { cause: error });
  }
}
