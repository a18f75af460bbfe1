import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { TextItem } from './item-source.js';

/** Every attribute as text: numbers as the digits that were sent, binary as base64, lists, maps and sets as JSON. */
export function itemAsText(item: Record<string, AttributeValue>): TextItem {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, asText(value)]));
}

function asText(value: AttributeValue): string | null {
  if (value.S !== undefined) return value.S;
  if (value.NULL) return null;
  if (value.N !== undefined) return value.N;
  if (value.BOOL !== undefined) return String(value.BOOL);
  if (value.B !== undefined) return base64(value.B);
  return asJson(value);
}

/** Written by hand because JSON.stringify would turn numbers into floats; their digits are valid JSON as they are. */
function asJson(value: AttributeValue): string {
  if (value.M !== undefined) {
    return `{${Object.entries(value.M)
      .map(([name, entry]) => `${JSON.stringify(name)}:${asJson(entry)}`)
      .join(',')}}`;
  }
  if (value.L !== undefined) return `[${value.L.map(asJson).join(',')}]`;
  if (value.SS !== undefined) return JSON.stringify(value.SS);
  if (value.NS !== undefined) return `[${value.NS.join(',')}]`;
  if (value.BS !== undefined) return JSON.stringify(value.BS.map(base64));
  if (value.N !== undefined || value.BOOL !== undefined || value.NULL) return asText(value) ?? 'null';
  return JSON.stringify(asText(value));
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
