import { categoryOf } from './categories.js';
import type { Customer, Product, SalesLine } from './demo-day.js';
import { mostFrequent, normalCode, normalCustomer, segmentOf } from './normalise.js';

/** The customers that occur in a day's lines, in order of appearance; the country is the first one seen. */
export function customersOf(lines: readonly SalesLine[]): Customer[] {
  const customers = new Map<string, Customer>();
  for (const line of lines) {
    const customerId = normalCustomer(line.customer_id);
    if (customerId === null || customers.has(customerId)) continue;
    const country = (line.country ?? '').trim();
    customers.set(customerId, { customer_id: customerId, name: `Customer ${customerId}`, country: country || 'Unspecified', segment: segmentOf(customerId) });
  }
  return [...customers.values()];
}

const POSITIVE_PRICE = /^(?=.*[1-9])\d+(\.\d+)?$/;

/** The products that occur in a day's lines: the most frequent description names one (else its code), the most frequent price is its list price. */
export function productsOf(lines: readonly SalesLine[]): Product[] {
  const linesByCode = new Map<string, SalesLine[]>();
  for (const line of lines) {
    const stockCode = normalCode(line.stock_code);
    if (stockCode === '') continue;
    const group = linesByCode.get(stockCode);
    if (group) group.push(line);
    else linesByCode.set(stockCode, [line]);
  }
  return [...linesByCode].map(([stockCode, group]) => {
    const name = mostFrequent(group.map((line) => (line.description ?? '').trim()).filter((text) => text !== '')) ?? stockCode;
    const prices = group.map((line) => (line.unit_price ?? '').trim()).filter((price) => POSITIVE_PRICE.test(price));
    return { stock_code: stockCode, name, category: categoryOf(name), list_price: mostFrequent(prices) ?? null };
  });
}
