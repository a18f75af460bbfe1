import { isDatasetRef, type DatasetRef } from './dataset-ref.js';

/**
 * The rows that a step's result or progress speaks of: a dataset's own, else the numbers `published` or `rows`, else those of
 * the first dataset that it names.
 */
export function rowsOf(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (isDatasetRef(value)) return value.rows;
  const { published, rows } = value as { published?: unknown; rows?: unknown };
  if (typeof published === 'number') return published;
  if (typeof rows === 'number') return rows;
  return Object.values(value).find(isDatasetRef)?.rows;
}

/** The dataset called `quarantine` in a step's or a run's result, also where it lies inside a summary. */
export function quarantineOf(result: unknown): DatasetRef | undefined {
  if (typeof result !== 'object' || result === null) return undefined;
  const { quarantine, summary } = result as { quarantine?: unknown; summary?: unknown };
  return isDatasetRef(quarantine) ? quarantine : quarantineOf(summary);
}
