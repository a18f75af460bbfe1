import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { instantOf } from '../../src/demo/calendar.js';
import type { ClickEvent, ClickFile, SalesLine } from '../../src/demo/demo-day.js';
import { encodeClickFile, generateClicks } from '../../src/demo/generate-clicks.js';
import { generateDay } from '../../src/demo/generate-day.js';

const DATE = '2026-01-31';
const day = generateDay(DATE);

function parsed(line: string): ClickEvent | undefined {
  try {
    return JSON.parse(line) as ClickEvent;
  } catch {
    return undefined;
  }
}

const eventsOf = (files: readonly ClickFile[]): ClickEvent[] => files.flatMap((file) => file.lines.map(parsed)).filter((event) => event !== undefined);

function line(lineNo: number, values: Partial<SalesLine>): SalesLine {
  return {
    line_no: lineNo, invoice_no: '1', stock_code: 'A', description: 'A', quantity: '1', invoice_date: `${DATE} 12:00:00`, unit_price: '1', customer_id: '7',
    country: 'X', ...values,
  };
}

describe('the clicks of a day', () => {
  const all = eventsOf(day.clicks);

  it('are the same bytes every time, and others on another day', () => {
    const again = generateDay(DATE).clicks.map(encodeClickFile);
    expect(again).toEqual(day.clicks.map(encodeClickFile));
    expect(generateDay('2026-02-01').clicks.map(encodeClickFile)).not.toEqual(again);
  });

  it('lie inside the UTC day, in order of time, with ids of their own', () => {
    expect(all.length).toBeGreaterThan(1_000);
    for (const event of all) expect(event.ts).toMatch(/^2026-01-31T\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(all.map((event) => event.ts)).toEqual(all.map((event) => event.ts).sort());
    expect(new Set(all.map((event) => event.event_id)).size).toBe(all.length);
  });

  it('lead to about 70 % of the orders, each from one session that begins and ends before its order', () => {
    const orderTimes = new Map<string, number>();
    for (const { invoice_no: invoiceNo, invoice_date: date } of day.lines) {
      const at = instantOf(date);
      if (invoiceNo?.trim() && at !== undefined) orderTimes.set(invoiceNo, Math.min(at, orderTimes.get(invoiceNo) ?? Infinity));
    }
    const checkouts = all.filter((event) => event.type === 'checkout');
    for (const checkout of checkouts) {
      const at = orderTimes.get(checkout.invoice_no ?? '') ?? Number.NaN;
      const session = all.filter((event) => event.session_id === checkout.session_id);
      expect(session[0]?.type).toBe('session_start');
      expect(session.at(-1)).toEqual(checkout);
      for (const event of session) expect(Date.parse(event.ts)).toBeLessThan(at);
      expect(new Set(session.map((event) => event.customer_id)).size).toBe(1);
    }
    const sales = [...orderTimes.keys()].filter((invoiceNo) => !/^\s*c/i.test(invoiceNo));
    const share = new Set(checkouts.map((checkout) => checkout.invoice_no)).size / sales.length;
    expect(share).toBeGreaterThan(0.55);
    expect(share).toBeLessThan(0.85);
  });

  it('never lead to a return, and some sessions lead to nothing', () => {
    expect(all.filter((event) => event.invoice_no?.startsWith('C'))).toEqual([]);
    expect(all.filter((event) => event.invoice_no !== undefined && event.type !== 'checkout')).toEqual([]);
    const bought = new Set(all.filter((event) => event.type === 'checkout').map((event) => event.session_id));
    expect(new Set(all.map((event) => event.session_id)).size).toBeGreaterThan(bought.size);
  });

  it('hold some broken lines, one file with a byte order mark and one with CRLF', () => {
    const broken = day.clicks.flatMap((file) => file.lines).filter((text) => parsed(text) === undefined);
    expect(broken.length).toBeGreaterThanOrEqual(4);
    expect(broken.length / all.length).toBeLessThan(0.01);
    const texts = day.clicks.map((file) => gunzipSync(encodeClickFile(file)).toString('utf8'));
    expect(texts.filter((text) => text.startsWith('\uFEFF'))).toHaveLength(1);
    expect(texts.filter((text) => text.includes('\r\n'))).toHaveLength(1);
  });

  it('are clean where no dirt is asked for', () => {
    const files = generateClicks(day, { dirt: false });
    const texts = files.map((file) => gunzipSync(encodeClickFile(file)).toString('utf8'));
    for (const text of texts) {
      expect(text).not.toMatch(/\r|\uFEFF/);
      for (const json of text.trimEnd().split('\n')) expect(parsed(json)).toBeDefined();
    }
  });

  it('are written without a time or a machine in the gzip header', () => {
    const [first] = day.clicks;
    expect(first && encodeClickFile(first).subarray(0, 10).toString('hex')).toBe('1f8b08000000000000ff');
  });

  it('have no session for an order in the first minute of the day, of another day, of no time, or for a return', () => {
    const unfit: Partial<SalesLine>[] = [
      { invoice_no: '1', invoice_date: `${DATE} 00:00:59` },
      { invoice_no: '2', invoice_date: '2026-02-01 10:00:00' },
      { invoice_no: '3', invoice_date: 'never' },
      { invoice_no: ' c4' },
      { invoice_no: null },
    ];
    // Of so many orders, some would have a session by chance alone.
    const lines = unfit.flatMap((values) =>
      Array.from({ length: 20 }, (_, index) => line(1, { ...values, customer_id: String(index) })),
    );
    const events = eventsOf(generateClicks({ date: DATE, lines, products: day.products }, { dirt: false }));
    expect(events.filter(({ type, customer_id: customerId }) => type === 'checkout' || customerId !== null)).toEqual([]);
  });

  it('spell codes and customers as the other sources do', () => {
    const lines = Array.from({ length: 20 }, (_, index) => line(index + 1, { invoice_no: ` a${index} `, stock_code: ' 85123a ', customer_id: '17850.0' }));
    const sessions = eventsOf(generateClicks({ date: DATE, lines, products: [] }, { dirt: false }));
    expect(sessions.length).toBeGreaterThan(0);
    expect(new Set(sessions.map((event) => event.customer_id))).toEqual(new Set(['17850']));
    expect(new Set(sessions.map((event) => event.stock_code).filter((code) => code !== undefined))).toEqual(new Set(['85123A']));
    const invoices = sessions.filter(({ type }) => type === 'checkout').map(({ invoice_no: invoiceNo }) => invoiceNo);
    expect(invoices.filter((invoiceNo) => !/^A\d+$/.test(invoiceNo ?? ''))).toEqual([]);
  });
});
