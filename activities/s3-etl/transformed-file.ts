import type { TransformResult } from '../../lambda/transform/event.js';
import type { ArrivedFile } from '../../src/arrivals/arrivals.js';
import type { DatasetRef } from '../../src/datasets/dataset-ref.js';

/** What the transform function has answered, with what it has written as datasets of the lake: gone when an earlier run's cleanup has removed them. */
export interface FileTransform extends Omit<TransformResult, 'output' | 'rejects'> {
  /** CSV with a header, gzip. */
  output: DatasetRef;
  /** JSON lines: line, reason, raw. Absent when nothing was rejected. */
  rejects?: DatasetRef;
}

/** A file that has arrived, and what the transform function made of it. */
export interface TransformedFile {
  file: ArrivedFile;
  /** Records behind the header, as `noteMetadata` has counted them. */
  noted: number;
  result: FileTransform;
}

export function writtenRows(files: readonly TransformedFile[]): number {
  return files.reduce((sum, { result }) => sum + result.rows.written, 0);
}
