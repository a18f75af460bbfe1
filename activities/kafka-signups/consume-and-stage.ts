import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import type { DatasetRef } from '../../src/datasets/dataset-ref.js';
import { schemaFingerprint, writeTextParquet } from '../../src/datasets/parquet-writer.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import { MillraceError } from '../../src/errors.js';
import type { OffsetRange } from '../../src/kafka/message-log.js';
import { reportProgress } from '../../src/steps/progress.js';
import { madeByThisStep, runPrefix, withScratchFolder } from '../datasets.js';
import type { Dependencies } from '../dependencies.js';
import type { Batch } from './fix-bounds.js';
import { recordLag, recordLoad } from './metrics.js';
import { QUARANTINE_COLUMNS } from './quarantine-row.js';
import { STAGED_COLUMNS } from './signup-event.js';
import { StagedRows } from './staged-rows.js';

/** read = staged + quarantined. */
export interface StagedSignups {
  signups: DatasetRef;
  /** Absent where a stream's batch has set nothing aside: it would leave an empty file every few seconds. */
  quarantine?: DatasetRef;
  read: number;
  staged: number;
  quarantined: number;
  /** Quarantined messages by reason. */
  reasons: Record<string, number>;
  /** Offsets without a message: of transactions, or compacted away. */
  gaps: number;
  /** Messages that had come to the topic by the end of reading and wait for the next run. */
  lag: number;
  messagesPerSecond: number;
}

/**
 * Reads the batch, stages what is a sign-up as one CSV file and sets the rest aside. Both are durable before the group's offsets
 * are committed; those are for people and their monitoring, as the next run starts at what the warehouse says.
 */
export function createConsumeAndStage(deps: Dependencies) {
  return async function consumeAndStage(batch: Batch, allowEmpty: boolean, interval: DataInterval): Promise<StagedSignups> {
    const { cancellationSignal: signal, info, log } = Context.current();
    const { topic, ranges, offsets } = batch;
    if (offsets === 0 && !allowEmpty) {
      throw new MillraceError('SOURCE_EMPTY', `${topic} has no messages that were not loaded yet. Nothing was published. Fill the topic and run again, or allow it with --param allowEmpty=true.`);
    }
    const [messages, lake] = [deps.messages(), deps.lake()];
    return withScratchFolder(deps.limits, async (folder) => {
      const rows = new StagedRows(folder, topic, offsets);
      const started = performance.now();
      try {
        const staged = await messages.consume(
          // Temporal's own clock counts the attempts, also those of a step that was run again.
          { topic, group: batch.group ?? `millrace-${interval.pipeline}-${interval.run}`, ranges, reader: info.currentAttemptScheduledTimestampMs },
          {
            async onMessages(partition, received) {
              await rows.add(partition, received);
              reportProgress({ rows: rows.staged + rows.quarantined, staged: rows.staged, quarantined: rows.quarantined, of: offsets });
            },
            settle: () => store(rows, folder),
          },
          { signal },
        );
        const read = rows.staged + rows.quarantined;
        const messagesPerSecond = Math.round((read * 1000) / (performance.now() - started));
        const lag = recordLag(deps.meter, topic, await messages.bounds(topic, { signal }), ranges.map(({ partition, to }) => ({ partition, offset: to })));
        recordLoad(deps.meter, topic, { read, staged: rows.staged, reasons: rows.reasons, messagesPerSecond });
        log.info(`${read} messages of ${topic}: ${rows.staged} staged, ${rows.quarantined} quarantined`);
        return { ...staged, read, staged: rows.staged, quarantined: rows.quarantined, reasons: rows.reasons, gaps: offsets - read, lag, messagesPerSecond };
      } finally {
        await rows.close();
      }
    });

    async function store(rows: StagedRows, folder: string): Promise<Pick<StagedSignups, 'signups' | 'quarantine'>> {
      await rows.settled();
      const csv = join(folder, 'signups.csv');
      await rows.writeCsv(csv);
      const { size } = await stat(csv);
      const madeBy = madeByThisStep(interval);
      const quarantine = rows.quarantined === 0 && batch.group !== undefined ? {} : { quarantine: { ...(await storeQuarantine(rows, folder)), madeBy } };
      const signups = await lake.putFile(`${runPrefix('staging', interval)}${fileName(topic, ranges)}`, csv, { move: true, signal, contentType: 'text/csv; charset=utf-8' });
      return {
        signups: { uri: lake.uri(signups.key), format: 'csv', rows: rows.staged, bytes: size, schema: schemaFingerprint(STAGED_COLUMNS.map((name) => [name, 'VARCHAR'])), madeBy },
        ...quarantine,
      };
    }

    async function storeQuarantine(rows: StagedRows, folder: string): Promise<Omit<DatasetRef, 'madeBy'>> {
      const parquet = join(folder, 'quarantine.parquet');
      const written = await writeTextParquet(parquet, QUARANTINE_COLUMNS, rows.quarantineRows(), folder, { signal });
      const { key } = await lake.putFile(`${runPrefix('quarantine', interval)}${topic}.parquet`, parquet, { move: true, signal });
      return { uri: lake.uri(key), format: 'parquet', ...written };
    }
  };
}

const LONGEST_NAME = 150;

/** `user_signups_0.100-250_1.90-240.csv`: of the same offsets the same name, on every attempt. */
export function fileName(topic: string, ranges: readonly OffsetRange[]): string {
  const parts = ranges.map(({ partition, from, to }) => `${partition}.${from}-${to}`).join('_');
  const told = parts.length <= LONGEST_NAME ? parts : `${ranges.length}-partitions_${createHash('sha256').update(parts).digest('hex').slice(0, 16)}`;
  return `${topic}_${told}.csv`;
}
