import { DateTime } from 'luxon';
import { MillraceError } from '../errors.js';
import { DAY_MS, startOfDay } from './calendar.js';
import type { Customer, DemoDay, DemoDays } from './demo-day.js';
import { soilLines, type DraftLine } from './dirt.js';
import { generateClicks } from './generate-clicks.js';
import { randomFor, type Random } from './random.js';
import { pounds, SHOP_CUSTOMERS, SHOP_PRODUCTS } from './shop.js';

const LINES = { min: 2_000, max: 4_000 };
/** Lines in the largest ordinary order; the last order of a day may pass the day's target by as many. */
const ORDER_LINES = 36;
const RETURNS = { min: 8, max: 16 };

/** Any day from 1970 on, made by a seeded generator. */
export function generatedDays(): DemoDays {
  return {
    description: 'generated data',
    dates: async () => undefined,
    day: async (date) => generateDay(date),
  };
}

/** A day of the generated shop: seeded by its date, the same on every machine, with dirt of every kind that the pipeline handles. */
export function generateDay(date: string): DemoDay {
  const dayStart = startOfDay(date);
  if (dayStart < 0) throw new MillraceError('BAD_PARAMS', `there is no generated data for ${date}: ask for a day from 1970-01-01 on`);
  const clean = invoicesOf(dayStart, randomFor(`sales/${date}`));
  const lines = soilLines(clean, randomFor(`dirt/${date}`)).map((line, index) => ({ line_no: index + 1, ...line }));
  return {
    date,
    lines,
    customers: SHOP_CUSTOMERS,
    products: SHOP_PRODUCTS,
    clicks: generateClicks({ date, lines, products: SHOP_PRODUCTS }, { dirt: true }),
  };
}

interface Invoice {
  at: number;
  isReturn: boolean;
  customer: Customer;
  /** What the till wrote: the customer's id, nothing for a guest, or an id that the customer API does not know. */
  customerId: string | null;
  lines: number;
}

function invoicesOf(dayStart: number, random: Random): DraftLine[] {
  const invoices: Invoice[] = [];
  const target = random.int(LINES.min, LINES.max - ORDER_LINES - RETURNS.max * 3);
  for (let lines = 0; lines < target; ) {
    const invoice = newInvoice(dayStart, { isReturn: false, lines: random.int(1, ORDER_LINES) }, random);
    invoices.push(invoice);
    lines += invoice.lines;
  }
  for (let returns = random.int(RETURNS.min, RETURNS.max); returns > 0; returns -= 1) {
    invoices.push(newInvoice(dayStart, { isReturn: true, lines: random.int(1, 3) }, random));
  }
  invoices.sort((one, other) => one.at - other.at);
  // Numbers of different days never meet: a thousand are kept for each.
  const firstNumber = (dayStart / DAY_MS) * 1000 + 1;
  return invoices.flatMap((invoice, index) => linesOf(invoice, firstNumber + index, random));
}

function newInvoice(dayStart: number, kind: Pick<Invoice, 'isReturn' | 'lines'>, random: Random): Invoice {
  const customer = random.pickPopular(SHOP_CUSTOMERS);
  const till = random.int(1, 100);
  const customerId = till <= 10 ? null : till <= 12 ? '' : till <= 15 ? `9${random.int(1000, 9999)}` : customer.customer_id;
  return { at: orderTime(dayStart, random), customer, customerId, ...kind };
}

/** Mostly in the opening hours, sometimes in the night, up to the first and the last second of the day. */
function orderTime(dayStart: number, random: Random): number {
  if (random.chance(5)) return dayStart + random.pick([0, DAY_MS - 1000]);
  const seconds = random.chance(930) ? random.int(7 * 3600, 20 * 3600) : random.int(0, 86_399);
  return dayStart + seconds * 1000;
}

function linesOf(invoice: Invoice, number: number, random: Random): DraftLine[] {
  const { customer, isReturn } = invoice;
  const invoiceDate = timestamp(invoice.at, random);
  return Array.from({ length: invoice.lines }, () => {
    const product = random.pickPopular(SHOP_PRODUCTS);
    const quantity = random.pick(customer.segment === 'consumer' ? [1, 1, 1, 2, 2, 3, 4, 6] : [6, 10, 12, 12, 24, 48, 96]);
    return {
      invoice_no: isReturn ? `C${number}` : String(number),
      stock_code: product.stock_code,
      description: product.name,
      quantity: String(isReturn ? -quantity : quantity),
      invoice_date: invoiceDate,
      unit_price: unitPrice(product.list_price, random),
      customer_id: invoice.customerId,
      country: customer.country,
    };
  });
}

/** The list price, at times with a rebate, a mill, or without the last zero: all are exact decimals. */
function unitPrice(listPrice: string | null, random: Random): string {
  const price = listPrice ?? '1.00';
  const variant = random.int(1, 100);
  if (variant <= 10) return pounds(Math.max(1, Number(price.replace('.', '')) - random.int(1, 20)));
  if (variant === 11) return `${price}5`;
  return variant <= 40 ? price.replace(/0$/, '') : price;
}

/** Most tills write no zone; some write `Z`, some their own offset: the instant is the same. */
function timestamp(at: number, random: Random): string {
  // The machine's locale may have digits of its own.
  const utc = DateTime.fromMillis(at, { zone: 'utc', locale: 'en-GB' });
  const variant = random.int(1, 100);
  if (variant <= 75) return utc.toFormat("yyyy-MM-dd' 'HH:mm:ss");
  if (variant <= 85) return utc.toFormat("yyyy-MM-dd'T'HH:mm:ss'Z'");
  if (variant <= 88) return utc.toFormat("yyyy-MM-dd'T'HH:mm:ss");
  return utc.setZone(random.pick(['UTC+1', 'UTC+1', 'UTC-5', 'UTC+5:30'])).toFormat("yyyy-MM-dd'T'HH:mm:ssZZ");
}
