import type { OutputFile, TransformResult } from '../lambda/transform/event.js';
import type { ArrivedFile } from '../src/arrivals/arrivals.js';
import type { DatasetRef } from '../src/datasets/dataset-ref.js';

/** A file that has arrived, and what the transform function made of it. */
export interface TransformedFile {
  file: ArrivedFile;
  /** Records behind the header, as `noteMetadata` has counted them. */
  noted: number;
  result: TransformResult;
}

/** What the function has written, as a dataset of the lake: gone when an earlier run's cleanup has removed it. */
export function asDataset({ uri, bytes }: OutputFile, format: 'csv' | 'jsonl', rows: number, madeBy: DatasetRef['madeBy']): DatasetRef {
  return { uri, format, rows, bytes, schema: '', madeBy: { ...madeBy, step: 'transformFile' } };
}

export function writtenRows(files: readonly TransformedFile[]): number {
  return files.reduce((sum, { result }) => sum + result.rows.written, 0);
}
