import { Context } from '@temporalio/activity';
import type { DatasetRef } from '../../src/datasets/dataset-ref.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import { refuseEmpty, writeRawDataset } from '../datasets.js';
import type { Dependencies } from '../dependencies.js';
import type { SourceName } from './source-name.js';

export const SALES_COLUMNS = ['invoice_no', 'stock_code', 'description', 'quantity', 'invoice_date', 'unit_price', 'customer_id', 'country'] as const;

/** The lines of one business day, in the order of the shop's own line numbers, which therefore become the positions 1, 2, 3 … */
const SALES_OF_DAY = `SELECT ${SALES_COLUMNS.join(', ')} FROM sales_lines WHERE business_date = ? ORDER BY line_no`;

/** Sales lines of the day from the shop's SQL database, streamed from one consistent snapshot, every value as the text it is there. */
export function createExtractSales(deps: Dependencies) {
  return async function extractSales(interval: DataInterval, allowEmpty: SourceName[] = []): Promise<DatasetRef> {
    const { cancellationSignal: signal, log } = Context.current();
    const [source, lake] = [deps.sales(), deps.lake()];
    log.info(`reading sales of ${interval.label} from ${source.description}`);
    const ref = await source.snapshot(
      (snapshot) => writeRawDataset({ lake, limits: deps.limits }, interval, 'sales', SALES_COLUMNS, snapshot.stream(SALES_OF_DAY, [interval.label])),
      { signal },
    );
    return refuseEmpty(ref, 'sales', source.description, interval, allowEmpty);
  };
}
