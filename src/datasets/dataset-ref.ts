/**
 * What a step hands to the next one: a claim check for rows that stay in the object store.
 * Sandbox-safe: types and pure functions only.
 */
export interface DatasetRef {
  /** Where the rows are: `file:///…` or `s3://bucket/key`, never with credentials. */
  uri: string;
  format: 'parquet' | 'jsonl' | 'csv';
  rows: number;
  bytes: number;
  /** Fingerprint of the column names and types (16 hex digits): two datasets with the same one are readable by the same SQL. */
  schema: string;
  /** What made it: lineage without declaring it. */
  madeBy: { pipeline: string; step: string; run: string; attempt: number };
}

export function isDatasetRef(value: unknown): value is DatasetRef {
  if (typeof value !== 'object' || value === null) return false;
  const ref = value as Partial<DatasetRef>;
  return typeof ref.uri === 'string' && typeof ref.format === 'string' && typeof ref.rows === 'number' && typeof ref.schema === 'string';
}
