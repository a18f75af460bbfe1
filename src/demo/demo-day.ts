/** A line of the sales table as the source keeps it: every value is text, dirt included; null where there is nothing. */
export interface SalesLine {
  /** Position in the source, from 1. */
  line_no: number;
  invoice_no: string | null;
  stock_code: string | null;
  description: string | null;
  quantity: string | null;
  invoice_date: string | null;
  unit_price: string | null;
  customer_id: string | null;
  country: string | null;
}

/** The text columns of `sales_lines`, in their order. */
export const SALES_TEXT_COLUMNS = [
  'invoice_no',
  'stock_code',
  'description',
  'quantity',
  'invoice_date',
  'unit_price',
  'customer_id',
  'country',
] as const satisfies readonly (keyof SalesLine)[];

export type Segment = 'consumer' | 'business' | 'wholesale';

export interface Customer {
  customer_id: string;
  name: string;
  country: string;
  segment: Segment;
}

export interface Product {
  stock_code: string;
  name: string;
  category: string;
  /** A decimal as text; null where no price is known. */
  list_price: string | null;
}

export interface ClickEvent {
  event_id: string;
  session_id: string;
  /** null for a visitor who is not signed in. */
  customer_id: string | null;
  /** ISO 8601 in UTC, with milliseconds. */
  ts: string;
  type: 'session_start' | 'view' | 'add_to_cart' | 'checkout';
  stock_code?: string;
  /** On a checkout only. */
  invoice_no?: string;
}

/** One file of clicks, before it is encoded and compressed. */
export interface ClickFile {
  name: string;
  /** JSON texts, one per line; some are broken where dirt was asked for. */
  lines: readonly string[];
  newline: '\n' | '\r\n';
  byteOrderMark: boolean;
}

/** What the source systems know of one day. */
export interface DemoDay {
  /** `YYYY-MM-DD`, UTC. */
  date: string;
  lines: readonly SalesLine[];
  customers: readonly Customer[];
  products: readonly Product[];
  clicks: readonly ClickFile[];
}

/** Where the demonstration's days come from: a generator or files. */
export interface DemoDays {
  /** For messages: `generated data`, `files in DIR`. */
  readonly description: string;
  /** Every day that can be loaded, ascending; undefined when any day can. */
  dates(): Promise<readonly string[] | undefined>;
  /** The same date gives the same day, on every machine. Errors: `BAD_PARAMS` and the `SOURCE_…` codes of the reader. */
  day(date: string): Promise<DemoDay>;
}
