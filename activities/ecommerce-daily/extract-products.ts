import { Context } from '@temporalio/activity';
import type { DatasetRef } from '../../src/datasets/dataset-ref.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import type { ItemSource } from '../../src/sources/item-source.js';
import type { TextRow } from '../../src/sources/sql-source.js';
import { refuseEmpty, writeRawDataset } from '../datasets.js';
import type { Dependencies } from '../dependencies.js';
import type { SourceName } from './source-name.js';

const PRODUCT_COLUMNS = ['stock_code', 'name', 'category', 'list_price'] as const;

/** Segments of a parallel scan: two keep both cores and the table's throughput busy without crowding out the shop. */
const SCAN_SEGMENTS = 2;

/** The product catalog: a scan of the whole DynamoDB table. */
export function createExtractProducts(deps: Dependencies) {
  return async function extractProducts(interval: DataInterval, allowEmpty: SourceName[] = []): Promise<DatasetRef> {
    const { cancellationSignal: signal, log } = Context.current();
    const [source, lake] = [deps.catalog(), deps.lake()];
    log.info(`scanning products in ${source.description}`);
    const ref = await writeRawDataset({ lake, limits: deps.limits }, interval, 'products', PRODUCT_COLUMNS, productRows(source, signal));
    return refuseEmpty(ref, 'products', source.description, interval, allowEmpty);
  };
}

async function* productRows(source: ItemSource, signal: AbortSignal): AsyncIterable<TextRow[]> {
  for await (const items of source.scan({ segments: SCAN_SEGMENTS }, { signal })) {
    yield items.map((item) => PRODUCT_COLUMNS.map((column) => item[column] ?? null));
  }
}
