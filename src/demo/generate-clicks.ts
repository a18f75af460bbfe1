import { gzipSync } from 'node:zlib';
import type { ObjectStore } from '../object-store/object-store.js';
import { DAY_MS, instantOf, startOfDay } from './calendar.js';
import type { ClickEvent, ClickFile, DemoDay } from './demo-day.js';
import { normalCode, normalCustomer } from './normalise.js';
import { randomFor, type Random } from './random.js';

const FILES = 4;
/** Orders in a thousand that a session led to; the others came by telephone. */
const ORDERS_ONLINE = 700;
/** Sessions without an order, for ten orders. */
const BROWSERS_PER_TEN_ORDERS = 6;
const SESSION_MS = 30 * 60_000;
/** An order that comes sooner after midnight has no session: its events would lie in the day before. */
const SHORTEST_SESSION_MS = 60_000;

interface Order {
  invoiceNo: string;
  customerId: string | null;
  at: number;
  stockCodes: string[];
}

/**
 * The day's clicks, seeded by its date: sessions that led to orders (returns have none) and sessions that led nowhere.
 * Every event lies before its order and inside the same UTC day. With `dirt` there are broken lines, a file with a byte
 * order mark, and one with CRLF.
 */
export function generateClicks(day: Pick<DemoDay, 'date' | 'lines' | 'products'>, options: { dirt: boolean }): ClickFile[] {
  const random = randomFor(`clicks/${day.date}`);
  const orders = ordersOf(day);
  const events: ClickEvent[] = [];
  let sessions = 0;
  const nextSession = (): string => `${day.date}-${String((sessions += 1)).padStart(6, '0')}`;
  for (const order of orders) {
    if (!random.chance(ORDERS_ONLINE)) continue;
    const begin = Math.max(startOfDay(day.date), order.at - random.int(SHORTEST_SESSION_MS, SESSION_MS));
    if (order.at - begin >= SHORTEST_SESSION_MS) events.push(...shoppingSession(nextSession(), order, begin, random));
  }
  const browsers = day.products.length === 0 ? 0 : Math.ceil((orders.length * BROWSERS_PER_TEN_ORDERS) / 10);
  for (let browser = 0; browser < browsers; browser += 1) {
    const begin = startOfDay(day.date) + random.int(0, DAY_MS - SESSION_MS - 1);
    events.push(...browsingSession(nextSession(), day, begin, random));
  }
  events.sort((one, other) => (one.ts === other.ts ? compare(one.event_id, other.event_id) : compare(one.ts, other.ts)));
  return filesOf(events.map((event) => JSON.stringify(event)), options.dirt ? random : undefined);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** One order for each invoice and customer, at the first time of its lines; without returns and lines of no usable time. */
function ordersOf(day: Pick<DemoDay, 'date' | 'lines'>): Order[] {
  const dayStart = startOfDay(day.date);
  const orders = new Map<string, Order>();
  for (const line of day.lines) {
    const invoiceNo = normalCode(line.invoice_no);
    const at = instantOf(line.invoice_date);
    if (invoiceNo === '' || invoiceNo.startsWith('C') || at === undefined || at < dayStart || at >= dayStart + DAY_MS) continue;
    const customerId = normalCustomer(line.customer_id);
    const key = JSON.stringify([invoiceNo, customerId]);
    const order = orders.get(key) ?? { invoiceNo, customerId, at, stockCodes: [] };
    order.at = Math.min(order.at, at);
    const stockCode = normalCode(line.stock_code);
    if (stockCode !== '') order.stockCodes.push(stockCode);
    orders.set(key, order);
  }
  return [...orders.values()];
}

type Step = Pick<ClickEvent, 'type' | 'stock_code' | 'invoice_no'>;

function shoppingSession(sessionId: string, order: Order, begin: number, random: Random): ClickEvent[] {
  const steps: Step[] = [{ type: 'session_start' }];
  for (const stockCode of order.stockCodes.slice(0, 8)) {
    steps.push({ type: 'view', stock_code: stockCode }, { type: 'add_to_cart', stock_code: stockCode });
  }
  steps.push({ type: 'checkout', invoice_no: order.invoiceNo });
  return session(sessionId, order.customerId, steps, begin, order.at, random);
}

function browsingSession(sessionId: string, day: Pick<DemoDay, 'products'>, begin: number, random: Random): ClickEvent[] {
  const steps: Step[] = [{ type: 'session_start' }];
  for (let views = random.int(1, 6); views > 0; views -= 1) {
    const stockCode = random.pickPopular(day.products).stock_code;
    steps.push({ type: 'view', stock_code: stockCode });
    if (random.chance(150)) steps.push({ type: 'add_to_cart', stock_code: stockCode });
  }
  return session(sessionId, null, steps, begin, begin + SESSION_MS, random);
}

/** Spreads the steps over [begin, end), the first at its beginning. */
function session(sessionId: string, customerId: string | null, steps: readonly Step[], begin: number, end: number, random: Random): ClickEvent[] {
  const times = [begin, ...steps.slice(1).map(() => random.int(begin + 1, end - 1))].sort((one, other) => one - other);
  return steps.map((step, index) => ({
    event_id: `${sessionId}-${String(index + 1).padStart(3, '0')}`,
    session_id: sessionId,
    customer_id: customerId,
    ts: new Date(times[index] ?? begin).toISOString(),
    ...step,
  }));
}

/** The events in order of time, in consecutive files of about equal length; `dirt` is the random stream that soils them. */
function filesOf(lines: readonly string[], dirt: Random | undefined): ClickFile[] {
  const perFile = Math.ceil(lines.length / FILES);
  return Array.from({ length: FILES }, (_, index) => {
    const own = lines.slice(index * perFile, (index + 1) * perFile);
    return {
      name: `part-${String(index).padStart(4, '0')}.jsonl.gz`,
      lines: dirt ? withBrokenLines(own, dirt) : own,
      newline: dirt && index === 2 ? '\r\n' : '\n',
      byteOrderMark: dirt !== undefined && index === 1,
    };
  });
}

/** Now and then a sender died in the middle of a line, or a proxy wrote its own; the event itself was sent again. */
function withBrokenLines(lines: readonly string[], random: Random): string[] {
  const broken = new Set([random.int(0, Math.max(0, lines.length - 1))]);
  for (const index of lines.keys()) if (random.chance(2)) broken.add(index);
  return lines.flatMap((line, index) =>
    broken.has(index) ? [random.chance(800) ? line.slice(0, random.int(5, line.length - 5)) : '<html>502 Bad Gateway</html>', line] : [line],
  );
}

/** The file's bytes; the same lines give the same bytes. */
export function encodeClickFile(file: ClickFile): Buffer {
  const text = (file.byteOrderMark ? '\uFEFF' : '') + file.lines.map((line) => line + file.newline).join('');
  const bytes = gzipSync(text);
  // Byte 9 of a gzip header names the operating system that wrote it; 255 is "unknown" (RFC 1952). The time is 0 already.
  bytes[9] = 255;
  return bytes;
}

/** Replaces the day's files below `clicks/DATE/`; a reader never sees fewer files than there should be. */
export async function writeClicks(store: ObjectStore, date: string, files: readonly ClickFile[]): Promise<void> {
  const folder = `clicks/${date}/`;
  for (const file of files) await store.put(folder + file.name, encodeClickFile(file), { contentType: 'application/gzip' });
  const names = new Set(files.map((file) => folder + file.name));
  for await (const { key } of store.list(folder)) {
    if (!names.has(key)) await store.delete(key);
  }
}
