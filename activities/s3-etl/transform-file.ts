import { Context } from '@temporalio/activity';
import type { OutputFile, TransformEvent, TransformResult } from '../../lambda/transform/event.js';
import type { ArrivedFile } from '../../src/arrivals/arrivals.js';
import type { DatasetRef } from '../../src/datasets/dataset-ref.js';
import { schemaFingerprint } from '../../src/datasets/parquet-writer.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import { MillraceError } from '../../src/errors.js';
import { madeByThisStep, runPrefix } from '../datasets.js';
import type { Dependencies } from '../dependencies.js';
import { TRANSFORMED_SALES } from './sales-tables.js';
import type { FileTransform } from './transformed-file.js';

const OUTPUT_SCHEMA = schemaFingerprint(TRANSFORMED_SALES.columns.map(({ name }) => [name, 'text']));
const REJECTS_SCHEMA = schemaFingerprint([['line', 'bigint'], ['reason', 'text'], ['raw', 'text']]);

/**
 * Invokes the transform function for one file. The output lies in the lake's staging layer of this run.
 *
 * `idempotencyKey` is made by the workflow (`uuid4()`): all attempts of the step have the same one, so that a retry finds what the first
 * attempt's invocation has done, even where its answer was lost.
 */
export function createTransformFile(deps: Dependencies) {
  return async function transformFile(file: ArrivedFile, idempotencyKey: string, interval: DataInterval, timezone?: string): Promise<FileTransform> {
    const { cancellationSignal: signal, log } = Context.current();
    const transform = deps.transform();
    const { uri, etag, versionId } = file;
    const event: Omit<TransformEvent, 'idempotencyKey'> = {
      source: { uri, etag, ...(versionId === undefined ? {} : { versionId }) },
      output: deps.lake().uri(`${runPrefix('staging', interval)}transformed`),
      ...(timezone === undefined ? {} : { timezone }),
    };
    const { output, rejects, ...result } = (await transform.invoke({ ...event }, { idempotencyKey, signal })) as TransformResult;
    const { read, written, rejected } = result.rows;
    if (read !== written + rejected) {
      throw new MillraceError('RECONCILIATION_FAILED', `${transform.description} on ${uri}: ${read} rows read, ${written} written and ${rejected} rejected do not add up.`);
    }
    log.info(`${file.key}: ${written} of ${read} rows transformed by ${transform.description}${result.repeated ? ' (by an earlier attempt)' : ''}`, { rejectedByReason: result.rejectedByReason });
    const madeBy = madeByThisStep(interval);
    return {
      ...result,
      output: asDataset(output, { format: 'csv', rows: written, schema: OUTPUT_SCHEMA, madeBy }),
      ...(rejects === undefined ? {} : { rejects: asDataset(rejects, { format: 'jsonl', rows: rejected, schema: REJECTS_SCHEMA, madeBy }) }),
    };
  };
}

function asDataset({ uri, bytes }: OutputFile, about: Omit<DatasetRef, 'uri' | 'bytes'>): DatasetRef {
  return { uri, bytes, ...about };
}
