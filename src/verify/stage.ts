import type { TablePrint } from './table-prints.js';

/** Where one run of a verification takes place: a task queue, a lake and a warehouse of its own. */
export interface Stage {
  taskQueue: string;
  /** Folder of its worker's gates. */
  gates: string;
  /** Starts a worker with `gatedSteps`, which is started again whenever it dies. */
  startWorker(): Promise<{ stop(): Promise<void> }>;
  /** Of the tables that the pipeline publishes. */
  prints(): Promise<Record<string, TablePrint>>;
}
