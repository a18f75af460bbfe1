import type { Client } from '@temporalio/client';
import type { Logger, NativeConnection } from '@temporalio/worker';

/** What every benchmark is given. */
export interface BenchContext {
  client: Client;
  /** Host and port of the Temporal server of this run of the benchmarks. */
  address: string;
  connection: NativeConnection;
  /** Of workers and bundler: says little. */
  logger: Logger;
  /** A folder of this run, removed afterwards. */
  folder: string;
  /** Smaller inputs, for trying a benchmark out. */
  quick: boolean;
  /** For people, about what takes long. */
  say(line: string): void;
}
