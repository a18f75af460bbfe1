import { Context } from '@temporalio/activity';
import type { DatasetRef } from '../../src/datasets/dataset-ref.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import { MillraceError } from '../../src/errors.js';
import type { Dependencies } from '../dependencies.js';
import { withTransform } from '../transform.js';
import type { TransformedFile } from './transformed-file.js';

export interface RejectSummary {
  /** Lines that were not published, by reason: read = published + quarantined. */
  quarantined: Record<string, number>;
  /** Every one of them, with its file, line and reason. */
  quarantine: DatasetRef;
}

/** The rejects of all files as one dataset of the quarantine layer, which outlives the run; they are counted again on the way. */
export function createSetRejectsAside(deps: Dependencies) {
  return async function setRejectsAside(files: TransformedFile[], interval: DataInterval): Promise<RejectSummary> {
    const withRejects = files.filter(({ result }) => result.rejects !== undefined);
    const rejects = withRejects.map(({ result }) => result.rejects!);
    const texts = { files: withRejects.map(({ file }) => file.key) };
    return withTransform(deps, { inputs: rejects.length === 0 ? {} : { rejects }, texts, interval, timezone: 'UTC' }, async (transform) => {
      await transform.run(rejects.length === 0 ? 's3-etl/no_quarantine' : 's3-etl/quarantine');
      const quarantine = await transform.write('quarantine', 'quarantine');
      const reasons = await transform.read('SELECT reason, count(*) FROM quarantine GROUP BY ALL ORDER BY ALL');
      const quarantined = Object.fromEntries(reasons.map(([reason, rows]) => [reason!, Number(rows)]));
      const rejected = files.reduce((sum, { result }) => sum + result.rows.rejected, 0);
      if (quarantine.rows !== rejected) {
        throw new MillraceError('RECONCILIATION_FAILED', `${interval.label}: the transform function has rejected ${rejected} lines, and ${quarantine.rows} of them were found. Nothing was published.`);
      }
      Context.current().log.info(`${rejected} lines of ${withRejects.length} files set aside`, quarantined);
      return { quarantined, quarantine };
    });
  };
}
