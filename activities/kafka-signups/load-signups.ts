import { Context } from '@temporalio/activity';
import type { DatasetRef } from '../../src/datasets/dataset-ref.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import type { Outcome } from '../../src/durable/with-cleanup.js';
import { isMillraceError, MillraceError } from '../../src/errors.js';
import type { ObjectStore } from '../../src/object-store/object-store.js';
import type { Check } from '../../src/quality/checks.js';
import { checkStaged, type CheckSummary } from '../check-staged.js';
import type { Dependencies } from '../dependencies.js';
import { publishedBy } from '../publication.js';
import { removeRunStaging, stageDataset } from '../staging.js';
import { withTransform } from '../transform.js';
import type { StagedSignups } from './consume-and-stage.js';
import type { Batch } from './fix-bounds.js';
import { publishedOffsets } from './loaded-offsets.js';
import { USER_SIGNUPS } from './tables.js';

/** staged = published + duplicates. */
export interface LoadedSignups {
  /** Events that were merged into the table. */
  published: number;
  /** Rows of the staged file whose event is in it again, further on. */
  duplicates: number;
  /** Another load was faster with these offsets: nothing was published. */
  outrun?: boolean;
  checks: CheckSummary[];
  warehouse: string;
}

export function signupChecks(rows: number): Check[] {
  return [
    { name: 'columns are as published', kind: 'schema', severity: 'ERROR', columns: USER_SIGNUPS.columns.map(({ name, type }) => ({ name, type })) },
    { name: 'count reconciles with the staged file', kind: 'reconciles', severity: 'ERROR', what: { count: true }, expected: rows, source: 'the events of the staged file' },
    { name: 'events are unique', kind: 'unique', severity: 'ERROR', columns: ['event_id'] },
    { name: 'keys are not null', kind: 'notNull', severity: 'ERROR', columns: ['event_id', 'user_id', 'email', 'signed_up_at'] },
  ];
}

/**
 * Looks whether the staged file is the one that was written, then writes, audits and publishes: the events are merged by their
 * id, and in the same transaction the offsets of the batch count as loaded. Where another load has come in between,
 * `OFFSETS_MOVED`; a stream is only told, and goes on from there.
 */
export function createLoadSignups(deps: Dependencies) {
  return async function loadSignups(file: StagedSignups, batch: Batch, maxMalformed: number, interval: DataInterval): Promise<LoadedSignups> {
    const { cancellationSignal: signal, log } = Context.current();
    const warehouse = deps.warehouse();
    refuseMostlyMalformed(file, maxMalformed);
    await assertAsWritten(deps.lake(), file.signups, signal);
    const { rows, events } = await eventsOf(deps, file.signups, interval);
    if (rows !== file.signups.rows) throw new MillraceError('RECONCILIATION_FAILED', `${file.signups.uri} has ${rows} rows, but ${file.signups.rows} were staged. Nothing was published. Run the pipeline again.`);

    const staged = await stageDataset(deps, events, USER_SIGNUPS, interval);
    // Of a stream the newest results of a day are kept, not those of each batch.
    const checks = await checkStaged(deps, staged, USER_SIGNUPS, signupChecks(events.rows), { ...interval, run: batch.group ?? interval.run });
    const loaded = { duplicates: rows - events.rows, checks, warehouse: warehouse.description };
    try {
      const published = await warehouse.publish(
        {
          ...publishedBy(interval),
          // The offsets first: their guard is what two loads of the same messages wait at.
          tables: [publishedOffsets(warehouse, batch, interval), { target: USER_SIGNUPS, from: { staging: staged.table }, mode: 'merge' }],
          sources: { [file.signups.uri]: file.signups.rows },
        },
        { signal },
      );
      log.info(`${published.rows[USER_SIGNUPS.name]} events merged into ${USER_SIGNUPS.name} of ${warehouse.description}`);
      return { published: published.rows[USER_SIGNUPS.name] ?? 0, ...loaded };
    } catch (error) {
      if (batch.group === undefined || !isOutrun(error)) throw error;
      log.warn(error.message);
      return { published: 0, ...loaded, outrun: true };
    }
  };
}

/** The ledger refuses an older batch of a day, the guard one whose messages are loaded. */
function isOutrun(error: unknown): error is MillraceError {
  return isMillraceError(error) && (error.code === 'OFFSETS_MOVED' || error.code === 'STALE_RUN');
}

/** A topic whose messages have changed their form would be set aside as a whole, and nobody would miss it until somebody looks. */
function refuseMostlyMalformed({ read, quarantined, reasons }: StagedSignups, most: number): void {
  if (read === 0 || quarantined / read <= most) return;
  throw new MillraceError('CHECK_FAILED', `${quarantined} of ${read} messages are malformed (${Object.entries(reasons).map(([reason, count]) => `${reason} ${count}`).join(', ')}), more than the share of ${most} that is allowed. Nothing was published. Look at them with millrace quarantine; raise maxMalformed if they are to be left out.`);
}

async function assertAsWritten(lake: ObjectStore, { uri, bytes }: DatasetRef, signal: AbortSignal): Promise<void> {
  const found = await lake.head(lake.keyOf(uri), { signal });
  if (found === undefined) throw new MillraceError('OBJECT_MISSING', `The staged file ${uri} no longer exists. Run the pipeline again.`);
  if (found.bytes !== bytes) throw new MillraceError('OBJECT_CHANGED', `The staged file ${uri} has ${found.bytes} bytes, but ${bytes} were written. Nothing was published. Run the pipeline again.`);
}

async function eventsOf(deps: Dependencies, signups: DatasetRef, interval: DataInterval): Promise<{ rows: number; events: DatasetRef }> {
  return withTransform(deps, { inputs: { signups }, interval, timezone: 'UTC' }, async (transform) => {
    await transform.run('kafka-signups/signups');
    const [count] = await transform.read('SELECT count(*) FROM staged');
    return { rows: Number(count?.[0]), events: await transform.write('staging', 'signups') };
  });
}

/** Removes what the run no longer needs. */
export function createRemoveSignupStaging(deps: Dependencies) {
  return async function removeSignupStaging(interval: DataInterval, outcome: Outcome): Promise<{ files: number }> {
    return removeRunStaging(deps, USER_SIGNUPS, interval, outcome);
  };
}
