import { isDatasetRef, type DatasetRef } from './dataset-ref.js';

/** Rows that wait in the warehouse to be published: what a staging step hands to the checks. */
export interface StagedTable {
  table: string;
  rows: number;
  /** What it was loaded from. */
  from: DatasetRef;
}

export function isStagedTable(value: unknown): value is StagedTable {
  if (typeof value !== 'object' || value === null) return false;
  const { table, rows, from } = value as Partial<StagedTable>;
  return typeof table === 'string' && typeof rows === 'number' && isDatasetRef(from);
}

/** Everything that a step's result points to: datasets of the lake and staging tables of the warehouse, however deep they lie. */
export interface References {
  datasets: DatasetRef[];
  tables: string[];
}

export function referencesIn(value: unknown): References {
  const found: References = { datasets: [], tables: [] };
  collect(value, found);
  return found;
}

function collect(value: unknown, found: References): void {
  if (typeof value !== 'object' || value === null) return;
  if (isDatasetRef(value)) {
    found.datasets.push(value);
    return;
  }
  if (isStagedTable(value)) found.tables.push(value.table);
  for (const part of Object.values(value)) collect(part, found);
}
