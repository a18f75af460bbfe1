import type { TableSpec } from '../../src/warehouse/warehouse.js';

/** Rows that tell which publication they belong to: `publish-forever.ts` writes them, the kill test reads them. */
export const VERSIONED: TableSpec = {
  name: 'versioned',
  columns: [
    { name: 'interval_start', type: 'timestamp' },
    { name: 'interval_end', type: 'timestamp' },
    { name: 'version', type: 'bigint' },
    { name: 'filler', type: 'text' },
  ],
  key: ['interval_start', 'filler'],
};
