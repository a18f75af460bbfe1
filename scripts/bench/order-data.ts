import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { OrderSources } from '../../activities/ecommerce-daily/clean-and-join.js';
import type { SourceName } from '../../activities/ecommerce-daily/source-name.js';
import { sqlString, withScratchDatabase, type DuckDBLimits } from '../../src/duckdb/duckdb.js';

export const BUSINESS_DATE = '2010-12-01';

/** About twenty lines an invoice, as in the shop that the demonstration models; some in a thousand lines have each kind of dirt. */
function rawTables(lines: number): Record<SourceName, string> {
  const [invoices, customers, products] = [Math.ceil(lines / 20), Math.ceil(lines / 40), 4000];
  const dirt = (perMille: number, place: number, dirty: string, clean: string): string => `CASE WHEN hash(i, ${place}) % 1000 < ${perMille} THEN ${dirty} ELSE ${clean} END`;
  const code = `printf('%05d', 10000 + hash(i, 1) % ${products}) || CASE WHEN hash(i, 2) % 4 = 0 THEN 'b' ELSE '' END`;
  return {
    sales: `
      WITH line AS (SELECT i, i // 20 AS invoice, (i // 20) % 50 = 0 AS is_return FROM range(${lines}) AS numbers(i))
      SELECT
        i + 1 AS position,
        ${dirt(2, 10, "''", "CASE WHEN is_return THEN 'C' ELSE '' END || (536365 + invoice)")} AS invoice_no,
        ${dirt(2, 11, 'NULL', `trim(${code})`)} AS stock_code,
        ${dirt(20, 12, "'WHITE  HANGING HEART T-LIGHT  HOLDER '", `'PRODUCT NUMBER ' || hash(i, 1) % ${products} || ' IN A GIFT BOX'`)} AS description,
        ${dirt(2, 13, "'six'", "CAST((1 + hash(i, 3) % 24) * CASE WHEN is_return THEN -1 ELSE 1 END AS VARCHAR)")} AS quantity,
        ${dirt(2, 14, "'yesterday'", "strftime(TIMESTAMP '2010-12-01 08:00:00' + to_seconds(invoice % 36000), '%Y-%m-%d %H:%M:%S')")} AS invoice_date,
        ${dirt(5, 15, "'0.00'", "printf('%d.%02d', hash(i, 1) % 20, hash(i, 1) % 99 + 1)")} AS unit_price,
        CASE WHEN invoice % 5 = 0 THEN '' ELSE (12000 + invoice % ${customers}) || CASE WHEN hash(i, 4) % 5 = 0 THEN '.0' ELSE '' END END AS customer_id,
        'United Kingdom' AS country
      FROM line ORDER BY i`,
    customers: `
      SELECT i + 1 AS position, CAST(12000 + i AS VARCHAR) AS customer_id,
        ['United Kingdom', 'France', 'Germany', 'EIRE', 'Norway'][1 + i % 5] AS country, ['Retail', 'Wholesale', 'Online'][1 + i % 3] AS segment
      FROM range(${customers}) AS numbers(i) ORDER BY i`,
    products: `
      SELECT i + 1 AS position, printf('%05d', 10000 + i // 2) || CASE WHEN i % 2 = 0 THEN '' ELSE 'B' END AS stock_code,
        'Product ' || i AS name, ['Lighting', 'Kitchen', 'Garden', 'Toys', 'Stationery'][1 + i % 5] AS category, '2.55' AS list_price
      FROM range(${2 * products}) AS numbers(i) ORDER BY i`,
    clicks: `
      SELECT i + 1 AS position, 'clicks/${BUSINESS_DATE}/part-0.jsonl.gz' AS file, CAST(i + 1 AS VARCHAR) AS line, 'e' || i AS event_id, 's' || i // 3 AS session_id,
        CAST(12000 + i // 3 % ${customers} AS VARCHAR) AS customer_id, '2010-12-01T09:00:00Z' AS ts, ['view', 'cart', 'checkout'][1 + i % 3] AS type,
        NULL::VARCHAR AS stock_code, CASE WHEN i % 3 = 2 THEN CAST(536365 + i // 3 AS VARCHAR) END AS invoice_no,
        ${dirt(1, 16, "'not JSON'", 'NULL')} AS error, NULL::VARCHAR AS raw
      FROM range(${3 * invoices}) AS numbers(i) ORDER BY i`,
  };
}

/** Writes the four raw datasets of one day into the lake at `root`, in the form in which the extract steps leave them there. */
export async function writeRawOrders(root: string, lines: number, limits: DuckDBLimits): Promise<OrderSources> {
  return withScratchDatabase(limits, async (connection) => {
    const written: Partial<OrderSources> = {};
    for (const [name, query] of Object.entries(rawTables(lines)) as [SourceName, string][]) {
      const file = join(root, 'raw', `${name}.parquet`);
      await mkdir(dirname(file), { recursive: true });
      const { rowsChanged: rows } = await connection.run(`COPY (${query}) TO ${sqlString(file)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 40960)`);
      written[name] = {
        uri: pathToFileURL(file).href,
        format: 'parquet',
        rows,
        bytes: (await stat(file)).size,
        schema: name,
        madeBy: { pipeline: 'bench', step: name, run: 'bench', attempt: 1 },
      };
    }
    return written as OrderSources;
  });
}
