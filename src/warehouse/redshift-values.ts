import { Readable } from 'node:stream';
import type { ColumnMetadata, Field, RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { isoUtc } from './moments.js';
import type { SqlValue } from './warehouse.js';

/** Integers beyond those that JavaScript's numbers tell apart. Inside a string of the answer the quotation marks would be escaped. */
const LONG_INTEGER = /"longValue"\s*:\s*(-?\d{16,})/g;

interface Answer {
  response: { body?: unknown; headers?: Readonly<Record<string, string>> };
}

/**
 * Answers carry a bigint as a number of JSON, which the client would round. They are handed to it as texts instead, so that no digit
 * is lost.
 */
export function keepLongIntegers(client: RedshiftDataClient): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const result = await next(args);
      const { response } = result as unknown as Answer;
      if (context.commandName !== 'GetStatementResultCommand' || !(response.body instanceof Readable)) return result;
      const chunks: Buffer[] = [];
      for await (const chunk of response.body) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks).toString('utf8').replaceAll(LONG_INTEGER, '"stringValue":"$1"');
      response.body = Readable.from([Buffer.from(body)]);
      return result;
    },
    // Between the connection and the client's own reading of the answer.
    { step: 'deserialize', priority: 'low', name: 'millraceLongIntegers' },
  );
}

/** A value as every adapter returns it: see `SqlValue`. */
export function sqlValue(field: Field, { typeName }: ColumnMetadata): SqlValue {
  if (field.isNull !== undefined) return null;
  if (field.booleanValue !== undefined) return field.booleanValue;
  if (field.doubleValue !== undefined) return field.doubleValue;
  if (field.longValue !== undefined) return typeName === 'int8' ? String(field.longValue) : field.longValue;
  const text = field.stringValue ?? '';
  if (typeName === 'timestamp') return isoUtc(text);
  return typeName === 'timestamptz' ? isoUtc(text.replace(/\+00$/, '')) : text;
}
