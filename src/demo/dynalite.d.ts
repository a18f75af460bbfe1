declare module 'dynalite' {
  import type { Server } from 'node:http';

  /** A DynamoDB server over LevelDB; kept in memory without `path`. Times are in milliseconds. */
  export default function dynalite(options?: { path?: string; createTableMs?: number; deleteTableMs?: number; updateTableMs?: number }): Server;
}
