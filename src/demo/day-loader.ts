import type { ObjectStore } from '../object-store/object-store.js';
import type { LoadedDay } from './admin-routes.js';
import type { Customer, DemoDays } from './demo-day.js';
import { writeClicks } from './generate-clicks.js';
import type { ProductCatalog } from './product-catalog.js';
import { retailCsv } from './retail-csv.js';
import type { SalesDatabase } from './sales-database.js';

export interface DayLoaderOptions {
  days: DemoDays;
  sales: SalesDatabase;
  catalog: ProductCatalog;
  clicks: ObjectStore;
  /** Where the day's sales arrive as a file too. */
  incoming?: ObjectStore;
  setCustomers(customers: readonly Customer[]): void;
  log(line: string): void;
}

export interface DayLoader {
  /** Resolves when every source has the day; a day that is loaded is left as it is. */
  loadDay(date: string): Promise<LoadedDay>;
}

/**
 * Loads days into all sources, one after the other, each once. The customer API and the catalog know the union of the days
 * loaded; what they say of a customer or product stays as it was first loaded, so that a run of the same day finds the same.
 */
export function createDayLoader(options: DayLoaderOptions): DayLoader {
  const loaded = new Map<string, LoadedDay>();
  const customers = new Map<string, Customer>();
  const products = new Set<string>();
  let queue: Promise<unknown> = Promise.resolve();

  async function load(date: string): Promise<LoadedDay> {
    const known = loaded.get(date);
    if (known) return known;
    const day = await options.days.day(date);
    await options.sales.load(date, day.lines);
    await writeClicks(options.clicks, date, day.clicks);
    await options.incoming?.put(`incoming/data_${date}.csv`, retailCsv(day.lines), { contentType: 'text/csv' });
    const newProducts = day.products.filter((product) => !products.has(product.stock_code));
    await options.catalog.put(newProducts);
    for (const product of newProducts) products.add(product.stock_code);
    for (const customer of day.customers) {
      if (!customers.has(customer.customer_id)) customers.set(customer.customer_id, customer);
    }
    options.setCustomers([...customers.values()]);
    const result = { date, lines: day.lines.length, customers: day.customers.length, products: day.products.length, clickFiles: day.clicks.length };
    loaded.set(date, result);
    options.log(`${date}: ${result.lines} sales lines, ${result.customers} customers and ${result.products} products (${options.days.description})`);
    return result;
  }

  return {
    loadDay: (date) => {
      // A day that fails leaves the queue open for the next one.
      const result = queue.then(() => load(date));
      queue = result.catch(() => undefined);
      return result;
    },
  };
}
