import type { SalesLine } from './demo-day.js';
import type { Random } from './random.js';

/** A sales line before it has its position. */
export type DraftLine = Omit<SalesLine, 'line_no'>;

interface Dirt {
  /** Lines in a thousand. */
  perMille: number;
  suits(line: DraftLine): boolean;
  soil(line: DraftLine, random: Random): Partial<DraftLine>;
}

const isReturn = (line: DraftLine): boolean => line.invoice_no?.startsWith('C') ?? false;
const isSale = (line: DraftLine): boolean => !isReturn(line);
const anyLine = (): boolean => true;

/** One entry for each reason of quarantine; a soiled line has that reason as its first. */
const QUARANTINED: Readonly<Record<string, Dirt>> = {
  missing_invoice: {
    perMille: 2,
    suits: anyLine,
    // Half of them have a second fault: the first reason must win.
    soil: (_, random) => ({ invoice_no: random.pick([null, '', '  ']), ...(random.chance(500) ? { unit_price: 'n/a' } : {}) }),
  },
  missing_stock_code: { perMille: 2, suits: anyLine, soil: (_, random) => ({ stock_code: random.pick([null, '', ' ']) }) },
  bad_timestamp: {
    perMille: 2,
    suits: anyLine,
    soil: (_, random) => ({ invoice_date: random.pick([null, '', 'yesterday', '2026-02-30 10:15:00', '31/01/2026 8:26', '2026-13-01T00:00:00Z']) }),
  },
  bad_quantity: { perMille: 2, suits: anyLine, soil: (_, random) => ({ quantity: random.pick([null, '', '0', 'six', '2.5', '12 pcs']) }) },
  bad_price: { perMille: 2, suits: anyLine, soil: (_, random) => ({ unit_price: random.pick([null, '', 'n/a', '-1.25', '£2.55', '1,95']) }) },
  zero_price: { perMille: 3, suits: anyLine, soil: (_, random) => ({ unit_price: random.pick(['0', '0.0', '0.00']) }) },
  negative_quantity: { perMille: 2, suits: isSale, soil: (line) => ({ quantity: `-${line.quantity}` }) },
  positive_return: { perMille: 2, suits: isReturn, soil: (line) => ({ quantity: (line.quantity ?? '').replace('-', '') }) },
};

/** Dirt that cleaning removes or keeps: the line is published. */
const PUBLISHED: readonly Dirt[] = [
  { perMille: 200, suits: (line) => /^\d+$/.test(line.customer_id ?? ''), soil: (line) => ({ customer_id: `${line.customer_id}.0` }) },
  { perMille: 15, suits: anyLine, soil: (line) => ({ stock_code: line.stock_code?.toLowerCase() ?? null }) },
  { perMille: 10, suits: anyLine, soil: (line) => ({ stock_code: ` ${line.stock_code} ` }) },
  { perMille: 5, suits: anyLine, soil: (_, random) => ({ stock_code: `9${random.int(1000, 9999)}Z` }) },
  { perMille: 3, suits: isReturn, soil: (line) => ({ invoice_no: ` ${line.invoice_no?.toLowerCase()}` }) },
  { perMille: 20, suits: anyLine, soil: (line) => ({ description: `${line.description?.replaceAll(' ', '  ')} ` }) },
  { perMille: 5, suits: anyLine, soil: () => ({ description: null }) },
  { perMille: 5, suits: anyLine, soil: (line) => ({ description: `${line.description}, BOXED` }) },
  { perMille: 5, suits: anyLine, soil: (line) => ({ description: `${line.description} 7" SINGLE; 'AS SEEN'` }) },
  { perMille: 3, suits: anyLine, soil: (line) => ({ description: `${line.description}\nSECOND LINE` }) },
  { perMille: 3, suits: anyLine, soil: (line) => ({ description: `${line.description} 🎁 ÉTÉ` }) },
  { perMille: 3, suits: anyLine, soil: (line) => ({ description: `=${line.description}\t\\N` }) },
];

/**
 * The lines with realistic dirt in small shares, in the same order. Every reason of quarantine occurs at least twice
 * wherever that many lines suit it.
 */
export function soilLines(clean: readonly DraftLine[], random: Random): DraftLine[] {
  const soiled = clean.map((line) => {
    let dirty = line;
    for (const dirt of PUBLISHED) {
      if (dirt.suits(line) && random.chance(dirt.perMille)) dirty = { ...dirty, ...dirt.soil(line, random) };
    }
    return dirty;
  });
  const taken = new Set<number>();
  for (const dirt of Object.values(QUARANTINED)) {
    const wanted = Math.max(2, Math.floor((clean.length * dirt.perMille) / 1000));
    const suitable = clean.flatMap((line, index) => (dirt.suits(line) && !taken.has(index) ? [index] : []));
    for (const index of random.shuffled(suitable).slice(0, wanted)) {
      taken.add(index);
      const line = soiled[index];
      if (line) soiled[index] = { ...line, ...dirt.soil(line, random) };
    }
  }
  return soiled;
}
