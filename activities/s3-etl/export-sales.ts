import { Context } from '@temporalio/activity';
import type { DataInterval } from '../../src/durable/data-interval.js';
import { runPrefix } from '../datasets.js';
import type { Dependencies } from '../dependencies.js';
import { SALES_BY_COUNTRY } from './sales-tables.js';

export interface SalesExport {
  rows: number;
  /** Address of the manifest that lists the Parquet objects. */
  manifest: string;
}

/** The interval's summary as Parquet in the lake, written by the warehouse itself; `null` where it cannot do that. */
export function createExportSales(deps: Dependencies) {
  return async function exportSales(token: string, interval: DataInterval): Promise<SalesExport | null> {
    const { cancellationSignal: signal, log } = Context.current();
    const warehouse = deps.warehouse();
    const prefix = deps.lake().uri(`${runPrefix('exports', interval)}${SALES_BY_COUNTRY.name}_`);
    if (warehouse.unload === undefined || !prefix.startsWith('s3://')) {
      log.info(`${warehouse.description} cannot write to ${prefix}: nothing is exported`);
      return null;
    }
    const { dialect } = warehouse;
    const exported = await warehouse.unload(`SELECT * FROM ${dialect.identifier(SALES_BY_COUNTRY.name)} WHERE interval_start = ${dialect.literal(interval.start, 'timestamp')}`, prefix, { signal, token });
    log.info(`${exported.rows} rows of ${SALES_BY_COUNTRY.name} written to ${exported.manifest}`);
    return exported;
  };
}
