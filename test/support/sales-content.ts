import type { Warehouse } from '../../src/warehouse/warehouse.js';

/** All that the pipelines of arriving files have published, in a fixed order: equal strings are equal tables. */
export async function salesContent(warehouse: Warehouse): Promise<string> {
  const contents = [];
  for (const table of ['retail_sales', 'retail_sales_by_country']) {
    if (!(await warehouse.describe(table))) continue;
    const { columns, rows } = await warehouse.query(`SELECT * FROM ${table}`);
    contents.push([table, columns, rows.map((row) => JSON.stringify(row)).toSorted()]);
  }
  return JSON.stringify(contents);
}
