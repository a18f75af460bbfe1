import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { instantOf } from '../../src/demo/calendar.js';
import { categoryOf } from '../../src/demo/categories.js';
import type { SalesLine } from '../../src/demo/demo-day.js';
import { generateDay } from '../../src/demo/generate-day.js';
import { segmentOf } from '../../src/demo/normalise.js';

const DATE = '2026-01-31';
const DAYS = [DATE, '2026-11-20', '2024-02-29', '1999-12-31', '1970-01-01'];

const sha256 = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

/** The rules once more, written from its text: the first reason that applies, or undefined for a line that is published. */
function reasonOf(line: SalesLine): string | undefined {
  const text = (value: string | null): string => (value ?? '').trim();
  const isReturn = /^c/i.test(text(line.invoice_no));
  if (text(line.invoice_no) === '') return 'missing_invoice';
  if (text(line.stock_code) === '') return 'missing_stock_code';
  if (instantOf(line.invoice_date) === undefined) return 'bad_timestamp';
  if (!/^-?\d+$/.test(text(line.quantity)) || Number(line.quantity) === 0) return 'bad_quantity';
  if (!/^\d+(\.\d+)?$/.test(text(line.unit_price))) return 'bad_price';
  if (Number(line.unit_price) === 0) return 'zero_price';
  if (Number(line.quantity) < 0 && !isReturn) return 'negative_quantity';
  if (Number(line.quantity) > 0 && isReturn) return 'positive_return';
  return undefined;
}

describe('a generated day', () => {
  const day = generateDay(DATE);

  it('is the same whenever and wherever it is made', () => {
    expect(sha256(generateDay(DATE))).toBe(sha256(day));
    // A change of the generator changes this value, and with it everybody's demonstration: do it on purpose.
    expect(sha256(day)).toBe('5ecb62ced52acfaf872367f607be430c33ac0cd5eb1307c5d5adbb7a3379e824');
  });

  it('differs from the day before in its sales and clicks, and has the same customers and products', () => {
    const before = generateDay('2026-01-30');
    expect(sha256(before.lines)).not.toBe(sha256(day.lines));
    expect(sha256(before.clicks)).not.toBe(sha256(day.clicks));
    expect(before.customers).toEqual(day.customers);
    expect(before.products).toEqual(day.products);
    const invoices = new Set(before.lines.map((line) => line.invoice_no?.trim().toUpperCase()));
    expect(day.lines.filter((line) => line.invoice_no?.trim() && invoices.has(line.invoice_no.trim().toUpperCase()))).toEqual([]);
  });

  it.each(DAYS)('of %s has 2,000 to 4,000 lines numbered from 1 and every reason of quarantine in a small share', (date) => {
    const { lines } = generateDay(date);
    expect(lines.length).toBeGreaterThanOrEqual(2_000);
    expect(lines.length).toBeLessThanOrEqual(4_000);
    expect(lines.map((line) => line.line_no)).toEqual(lines.map((_, index) => index + 1));
    const counts = new Map<string, number>();
    for (const line of lines) {
      const reason = reasonOf(line);
      if (reason) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(
      ['bad_price', 'bad_quantity', 'bad_timestamp', 'missing_invoice', 'missing_stock_code', 'negative_quantity', 'positive_return', 'zero_price'],
    );
    for (const count of counts.values()) expect(count).toBeGreaterThanOrEqual(2);
    const quarantined = [...counts.values()].reduce((sum, count) => sum + count, 0);
    expect(quarantined / lines.length).toBeLessThan(0.05);
  });

  it.each(DAYS)('of %s has every valid timestamp inside its UTC day', (date) => {
    const instants = generateDay(date).lines.map((line) => instantOf(line.invoice_date)).filter((at) => at !== undefined);
    expect(new Set(instants.map((at) => new Date(at).toISOString().slice(0, 10)))).toEqual(new Set([date]));
  });

  it.each<[string, (line: SalesLine) => boolean]>([
    ['a return', (line) => /^C\d+$/.test(line.invoice_no ?? '') && Number(line.quantity) < 0],
    ['a guest without an id', (line) => line.customer_id === null],
    ['a guest with an empty id', (line) => line.customer_id === ''],
    ['an id that looks like a float', (line) => /^\d+\.0$/.test(line.customer_id ?? '')],
    ['a lower-case code', (line) => /[a-d]$/.test(line.stock_code ?? '')],
    ['a padded code', (line) => /^ \S+ $/.test(line.stock_code ?? '')],
    ['doubled inner spaces', (line) => /\S {2}\S/.test(line.description ?? '')],
    ['a comma', (line) => line.description?.includes(',') ?? false],
    ['both quotes', (line) => /".*'/.test(line.description ?? '')],
    ['a newline', (line) => line.description?.includes('\n') ?? false],
    ['an emoji', (line) => line.description?.includes('🎁') ?? false],
    ['a timestamp with an offset', (line) => /T.*[+-]\d\d:\d\d$/.test(line.invoice_date ?? '')],
    ['a timestamp with Z', (line) => /T.*Z$/.test(line.invoice_date ?? '')],
    ['a timestamp without a zone', (line) => /^\S+ \d\d:\d\d:\d\d$/.test(line.invoice_date ?? '')],
    ['a price of three decimals', (line) => /^\d+\.\d{3}$/.test(line.unit_price ?? '')],
  ])('has lines with %s that are published all the same', (_, matches) => {
    expect(day.lines.filter((line) => matches(line) && reasonOf(line) === undefined).length).toBeGreaterThan(0);
  });

  it('has customers that the API does not know and products that the catalog does not know, and mostly known ones', () => {
    const customers = new Set(day.customers.map((customer) => customer.customer_id));
    const products = new Set(day.products.map((product) => product.stock_code));
    const ids = day.lines.map((line) => (line.customer_id ?? '').replace(/\.0$/, '')).filter((id) => id !== '');
    const codes = day.lines.map((line) => (line.stock_code ?? '').trim().toUpperCase()).filter((code) => code !== '');
    for (const [values, known] of [[ids, customers], [codes, products]] as const) {
      const unknown = values.filter((value) => !known.has(value)).length;
      expect(unknown).toBeGreaterThan(0);
      expect(unknown / values.length).toBeLessThan(0.1);
    }
  });

  it('has master data with unique keys and a segment and category that their rules give', () => {
    expect(new Set(day.customers.map((customer) => customer.customer_id)).size).toBe(day.customers.length);
    expect(new Set(day.products.map((product) => product.stock_code)).size).toBe(day.products.length);
    for (const customer of day.customers) expect(customer.segment).toBe(segmentOf(customer.customer_id));
    for (const product of day.products) expect(product.category).toBe(categoryOf(product.name));
    expect(new Set(day.customers.map((customer) => customer.segment)).size).toBe(3);
    expect(day.products.every((product) => product.category !== 'other')).toBe(true);
  });

  it.each(['2026-02-30', '31.01.2026', '2026-1-1', ''])('is refused for "%s", which is no date', (date) => {
    expect(() => generateDay(date)).toThrowError(expect.objectContaining({ code: 'BAD_PARAMS' }));
  });

  it('is refused before 1970', () => {
    expect(() => generateDay('1969-12-31')).toThrowError(/1970-01-01/);
  });
});

describe('the category of a product', () => {
  it.each([
    ['WHITE HANGING HEART T-LIGHT HOLDER', 'lighting'],
    ['CHRISTMAS LIGHTS 10 REINDEER', 'christmas'],
    ['JUMBO BAG RED RETROSPOT', 'bags'],
    ['REGENCY CAKESTAND 3 TIER', 'kitchen'],
    ['POSTAGE', 'fees'],
    ['bread tin', 'kitchen'],
    ['DAMAGES', 'other'],
    ['', 'other'],
  ])('"%s" is %s', (name, category) => {
    expect(categoryOf(name)).toBe(category);
  });
});
