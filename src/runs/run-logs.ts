import { text } from 'node:stream/consumers';
import { MillraceError } from '../errors.js';
import type { ObjectStore } from '../object-store/object-store.js';
import { logPrefix, type LogRecord } from '../steps/log-format.js';
import { matchesStep } from './find-step.js';
import type { RunIds } from './follow-run.js';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const satisfies readonly LogRecord['level'][];

export interface LogFilter {
  /** A step's id, the end of it, or a group: `extract` means every step in it. */
  step?: string;
  attempt?: number;
  /** The least level. */
  level: LogRecord['level'];
}

/**
 * Reads the log segments of a run: each call of `next` returns what was stored since the last one, in the order of time. Works
 * while the run goes on, and wherever its workers are, since they write to the object store.
 */
export function createLogReader(lake: ObjectStore, run: RunIds, filter: LogFilter): { next(): Promise<LogRecord[]> } {
  const seen = new Set<string>();
  const prefix = logPrefix(run.workflowId, run.runId);
  return {
    async next() {
      const records: LogRecord[] = [];
      for await (const { key } of lake.list(prefix)) {
        if (seen.has(key)) continue;
        seen.add(key);
        records.push(...(await readSegment(lake, key)).filter((record) => matches(record, filter)));
      }
      return records.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.seq - b.seq));
    },
  };
}

/** A worker closes a segment after 2,000 records: it fits into memory. */
async function readSegment(lake: ObjectStore, key: string): Promise<LogRecord[]> {
  const { body } = await lake.get(key);
  const lines = (await text(body)).split('\n').filter((line) => line !== '');
  return lines.map((line) => parseRecord(line, key));
}

function parseRecord(line: string, key: string): LogRecord {
  try {
    return JSON.parse(line) as LogRecord;
  } catch (error) {
    throw new MillraceError('SOURCE_MALFORMED', `The log segment ${key} holds a line that is not JSON: it was changed after a worker wrote it.`, { cause: error });
  }
}

function matches(record: LogRecord, { step, attempt, level }: LogFilter): boolean {
  return (
    LOG_LEVELS.indexOf(record.level) >= LOG_LEVELS.indexOf(level) &&
    (attempt === undefined || record.attempt === attempt) &&
    (step === undefined || matchesStep(record.step, step))
  );
}
