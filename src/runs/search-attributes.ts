import type { Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { SEARCH_ATTRIBUTE_NAMES } from '../steps/search-attributes.js';

/** Any connection to a Temporal server. */
type Operable = Pick<Connection, 'operatorService'>;

const { INDEXED_VALUE_TYPE_KEYWORD } = proto.temporal.api.enums.v1.IndexedValueType;

/** Those of `names` that the namespace does not know as keywords. */
export async function missingSearchAttributes(connection: Operable, namespace: string, names: readonly string[] = SEARCH_ATTRIBUTE_NAMES): Promise<string[]> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return names.filter((name) => customAttributes[name] !== INDEXED_VALUE_TYPE_KEYWORD);
}

/** Makes the namespace know `names`; those that it knows stay as they are. Returns the new ones. */
export async function registerSearchAttributes(connection: Operable, namespace: string, names: readonly string[] = SEARCH_ATTRIBUTE_NAMES): Promise<string[]> {
  const missing = await missingSearchAttributes(connection, namespace, names);
  if (missing.length === 0) return [];
  const searchAttributes = Object.fromEntries(missing.map((name) => [name, INDEXED_VALUE_TYPE_KEYWORD]));
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  return missing;
}
