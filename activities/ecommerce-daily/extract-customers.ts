import { Context } from '@temporalio/activity';
import type { DatasetRef } from '../../src/datasets/dataset-ref.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import { MillraceError } from '../../src/errors.js';
import type { RestSource } from '../../src/sources/rest-source.js';
import type { TextRow } from '../../src/sources/sql-source.js';
import { refuseEmpty, writeRawDataset } from '../datasets.js';
import type { Dependencies } from '../dependencies.js';
import type { SourceName } from './source-name.js';
import { asText } from './text-values.js';

const CUSTOMER_COLUMNS = ['customer_id', 'country', 'segment'] as const;

/** Customers from the shop's API, page by page. Names and addresses are not taken: nothing downstream needs them. */
export function createExtractCustomers(deps: Dependencies) {
  return async function extractCustomers(interval: DataInterval, allowEmpty: SourceName[] = []): Promise<DatasetRef> {
    const { cancellationSignal: signal, log } = Context.current();
    const [source, lake] = [deps.customers(), deps.lake()];
    log.info(`reading customers from ${source.description}`);
    const ref = await writeRawDataset({ lake, limits: deps.limits }, interval, 'customers', CUSTOMER_COLUMNS, customerRows(source, signal));
    return refuseEmpty(ref, 'customers', source.description, interval, allowEmpty);
  };
}

async function* customerRows(source: RestSource, signal: AbortSignal): AsyncIterable<TextRow[]> {
  const pages = source.pages({ path: 'customers', pageSize: 500, items: 'customers', cursor: 'next' }, { signal });
  let position = 0;
  for await (const page of pages) {
    yield page.map((customer) => {
      position += 1;
      const row = CUSTOMER_COLUMNS.map((column) => asText(customer[column]));
      if (row[0] === null) {
        throw new MillraceError('SOURCE_MALFORMED', `customers (${source.description}): item ${position} has no customer_id. Nothing was published; have the API repaired.`);
      }
      return row;
    });
  }
}
