import { Context } from '@temporalio/activity';
import { schemaFingerprint } from '../../src/datasets/parquet-writer.js';
import type { StagedTable } from '../../src/datasets/references.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import type { ObjectReference, Warehouse } from '../../src/warehouse/warehouse.js';
import { madeByThisStep, runPrefix } from '../datasets.js';
import type { Dependencies } from '../dependencies.js';
import { stageDataset, stagingTable } from '../staging.js';
import { withTransform } from '../transform.js';
import { TRANSFORMED_SALES } from './sales-tables.js';
import type { TransformedFile } from './transformed-file.js';

/**
 * Write: the transformed files into this run's staging table. A warehouse that can copies them from the lake by itself; for the others they
 * become one Parquet file on the way. Either takes exactly the files that the transform function has named, and all of their rows.
 *
 * `token` is made by the workflow: a retry finds the COPY of a killed worker by it.
 */
export function createLoadSales(deps: Dependencies) {
  return async function loadSales(files: TransformedFile[], token: string, interval: DataInterval): Promise<StagedTable> {
    const warehouse = deps.warehouse();
    const objects = files.map(({ result: { output } }) => ({ uri: output.uri, bytes: output.bytes, rows: output.rows }));
    if (canCopy(warehouse) && objects.every(({ uri }) => uri.startsWith('s3://'))) {
      return copyObjects(deps, warehouse, objects, token, interval);
    }
    const inputs = { files: files.map(({ result }) => result.output) };
    const sales = await withTransform(deps, { inputs, interval, timezone: 'UTC' }, async (transform) => {
      await transform.run('s3-etl/sales');
      return transform.write('staging', 'sales');
    });
    return stageDataset(deps, sales, TRANSFORMED_SALES, interval);
  };
}

type CopyingWarehouse = Warehouse & Required<Pick<Warehouse, 'stageObjects'>>;

function canCopy(warehouse: Warehouse): warehouse is CopyingWarehouse {
  return warehouse.capabilities.copyFromObjectStore && warehouse.stageObjects !== undefined;
}

async function copyObjects(deps: Dependencies, warehouse: CopyingWarehouse, objects: readonly ObjectReference[], token: string, interval: DataInterval): Promise<StagedTable> {
  const { cancellationSignal: signal, log } = Context.current();
  const table = stagingTable(TRANSFORMED_SALES, interval.run);
  const { rows } = await warehouse.stageObjects(table, TRANSFORMED_SALES, objects, { format: { kind: 'csv', header: true, gzip: true }, signal, token });
  log.info(`${rows} rows of ${objects.length} objects copied into ${table} of ${warehouse.description}`);

  // What was loaded, one line for each object.
  const list = await deps.lake().put(`${runPrefix('staging', interval)}loaded.jsonl`, `${objects.map((object) => JSON.stringify(object)).join('\n')}\n`, { signal });
  const schema = schemaFingerprint([['uri', 'text'], ['bytes', 'bigint'], ['rows', 'bigint']]);
  return { table, rows, from: { uri: deps.lake().uri(list.key), format: 'jsonl', rows: objects.length, bytes: list.bytes, schema, madeBy: madeByThisStep(interval) } };
}
