/** A DynamoDB item with every attribute as text or null: numbers keep their precision, nested values are JSON. */
export type TextItem = Readonly<Record<string, string | null>>;

/**
 * A key-value table that is scanned as a whole (DynamoDB).
 *
 * Errors: `SOURCE_UNAVAILABLE`, `SOURCE_RATE_LIMITED`, `SOURCE_FORBIDDEN`, `SOURCE_MISSING` (no such table), `SOURCE_REJECTED`.
 */
export interface ItemSource {
  /** `dynamodb://region/table`: for messages. */
  readonly description: string;
  /** All items, page by page; `segments` scan in parallel. The order is not defined. */
  scan(request: { segments: number }, options: { signal: AbortSignal }): AsyncIterable<readonly TextItem[]>;
  check(): Promise<string>;
  close(): Promise<void>;
}
