/**
 * A paged JSON API: `GET path?limit=…&cursor=…` answers `{ "<items>": […], "<cursor>": "…" | null }`.
 *
 * Errors: `SOURCE_UNAVAILABLE` (down, 5xx, 408, too slow), `SOURCE_RATE_LIMITED` (with `retryAfterMs`), `SOURCE_FORBIDDEN`
 * (401, 403), `SOURCE_REJECTED` (other 4xx), `SOURCE_MALFORMED` (body is not the JSON it should be, with its status and
 * first bytes), `SOURCE_PAGING_LOOP`, `SOURCE_TOO_LARGE`.
 */
export interface RestSource {
  /** `https://api.example.com/v1`: for messages, never with credentials. */
  readonly description: string;
  pages(request: PageRequest, options: { signal: AbortSignal }): AsyncIterable<readonly Record<string, unknown>[]>;
  check(): Promise<string>;
  close(): Promise<void>;
}

export interface PageRequest {
  path: string;
  query?: Record<string, string>;
  /** Items asked for per page. */
  pageSize: number;
  /** The field of the body that holds the items. */
  items: string;
  /** The field of the body that holds the next cursor (null, absent or '' at the end). */
  cursor: string;
}
