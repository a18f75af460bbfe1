import { Context } from '@temporalio/activity';
import type { StagedTable } from '../../src/datasets/references.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import { loadSql } from '../../src/sql-files.js';
import type { Warehouse } from '../../src/warehouse/warehouse.js';
import type { Dependencies } from '../dependencies.js';
import { formatMoney } from '../money.js';
import { publishedBy, salesTotals, type SalesTotals } from '../publication.js';
import { RETAIL_SALES, SALES_BY_COUNTRY } from './sales-tables.js';
import type { TransformedFile } from './transformed-file.js';

export interface CountryRevenue {
  country: string;
  lines: number;
  /** Decimal as text. */
  revenue: string;
}

/** Totals of the published table's lines of these files. */
export interface SalesSummary extends SalesTotals {
  /** Largest first. */
  revenueByCountry: CountryRevenue[];
  /** Where the tables are; never with credentials. */
  warehouse: string;
}

/** Publish: in one transaction each file's lines, and their summary, replace what an earlier version of the file has left. */
export function createPublishSales(deps: Dependencies) {
  return async function publishSales(staged: StagedTable, files: TransformedFile[], token: string, interval: DataInterval): Promise<SalesSummary> {
    const { cancellationSignal: signal, log } = Context.current();
    const warehouse = deps.warehouse();
    const { dialect } = warehouse;
    const sales = await loadSql('s3-etl/retail_sales', {
      sales: dialect.identifier(staged.table),
      files: files.map(({ file }) => `SELECT ${dialect.literal(file.uri, 'text')} AS uri, ${dialect.literal(file.key, 'text')} AS file_key`).join(' UNION ALL '),
      interval_start: dialect.literal(interval.start, 'timestamp'),
      interval_end: dialect.literal(interval.end, 'timestamp'),
    });
    const { rows } = await warehouse.publish(
      {
        ...publishedBy(interval),
        tables: [
          { target: RETAIL_SALES, from: { query: sales }, mode: 'merge', replaces: ['source_file'] },
          { target: SALES_BY_COUNTRY, from: { query: await loadSql('s3-etl/sales_by_country', { sales }) }, mode: 'merge', replaces: ['source_file'] },
        ],
        sources: Object.fromEntries(files.map(({ file, result }) => [file.uri, result.rows.read])),
      },
      { signal, token },
    );
    log.info(`published ${rows[RETAIL_SALES.name]} lines of ${files.length} files to ${warehouse.description}`);
    return summarise(warehouse, files, signal);
  };
}

/** Read back from the published tables, so that what a run reports is what its readers see. */
async function summarise(warehouse: Warehouse, files: readonly TransformedFile[], signal: AbortSignal): Promise<SalesSummary> {
  const { dialect } = warehouse;
  const ofFiles = `WHERE source_file IN (${files.map(({ file }) => dialect.literal(file.key, 'text')).join(', ')})`;
  const byCountry = await warehouse.query(
    `SELECT country, sum(lines), sum(revenue) FROM ${dialect.identifier(SALES_BY_COUNTRY.name)} ${ofFiles} GROUP BY country ORDER BY 3 DESC, 1`,
    { signal },
  );
  return {
    ...(await salesTotals(warehouse, RETAIL_SALES.name, ofFiles, signal)),
    revenueByCountry: byCountry.rows.map(([country, lines, of]) => ({ country: String(country), lines: Number(lines), revenue: formatMoney(String(of)) })),
    warehouse: warehouse.description,
  };
}
