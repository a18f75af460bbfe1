import { randomUUID } from 'node:crypto';
import type { ObjectStore } from '../object-store/object-store.js';
import { logPrefix, type LogRecord } from './log-format.js';

/** How long a record may stay in memory: what a killed worker can lose, and how far `millrace logs --follow` is behind. */
const FLUSH_AFTER_MS = 500;
const FLUSH_AFTER_RECORDS = 2000;

interface OpenSegment {
  workflowId: string;
  runId: string;
  records: LogRecord[];
  timer: NodeJS.Timeout;
}

/** Collects the log records of steps and writes them to the object store, a segment per run and flush: steps never wait for it. */
export interface StepLogs {
  append(run: { workflowId: string; runId: string }, record: Omit<LogRecord, 'seq'>): void;
  /** Resolves when everything appended so far is stored (or given up, which is said to `onError`). */
  flush(): Promise<void>;
}

export function createStepLogs(lake: () => ObjectStore, onError: (message: string) => void): StepLogs {
  const writer = randomUUID().slice(0, 8);
  const open = new Map<string, OpenSegment>();
  const writing = new Set<Promise<void>>();
  let seq = 0;
  let segments = 0;

  const write = (segment: OpenSegment): void => {
    clearTimeout(segment.timer);
    open.delete(segment.runId);
    segments += 1;
    const key = `${logPrefix(segment.workflowId, segment.runId)}${writer}-${String(segments).padStart(6, '0')}.jsonl`;
    const lines = segment.records.map((record) => `${JSON.stringify(record)}\n`).join('');
    const done = store(key, lines);
    writing.add(done);
    void done.finally(() => writing.delete(done));
  };

  const store = async (key: string, lines: string): Promise<void> => {
    try {
      await lake().put(key, lines, { contentType: 'application/x-ndjson' });
    } catch (error) {
      onError(`step logs were not stored: ${error instanceof Error ? error.message : String(error)}`);
    }
  };

  return {
    append(run, record) {
      let segment = open.get(run.runId);
      if (segment === undefined) {
        const fresh: OpenSegment = { ...run, records: [], timer: setTimeout(() => write(fresh), FLUSH_AFTER_MS).unref() };
        segment = fresh;
        open.set(run.runId, segment);
      }
      seq += 1;
      segment.records.push(Object.assign(record, { seq }));
      if (segment.records.length >= FLUSH_AFTER_RECORDS) write(segment);
    },
    async flush() {
      for (const segment of open.values()) write(segment);
      await Promise.all(writing);
    },
  };
}
