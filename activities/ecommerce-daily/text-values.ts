/** A JSON value as the text that a raw dataset keeps: strings and precise numbers as they are, anything nested as JSON, null for nothing. */
export function asText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  return JSON.stringify(value);
}
