import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProjectRoot } from './project-root.js';

/** Names that a statement of `sql/` leaves open, written `{{name}}` there; the value is SQL text, quoted by the caller. */
export type SqlNames = Record<string, string>;

/** The text of `sql/<name>.sql` with its `{{names}}` filled in; a name without a value, or a value without a name, is an error. */
export async function loadSql(name: string, names: SqlNames = {}): Promise<string> {
  const text = await readFile(join(findProjectRoot(), 'sql', `${name}.sql`), 'utf8');
  const unused = new Set(Object.keys(names));
  const filled = text.replace(/\{\{(\w+)\}\}/g, (placeholder, key: string) => {
    const value = names[key];
    if (value === undefined) throw new Error(`sql/${name}.sql: nothing was given for ${placeholder}`);
    unused.delete(key);
    return value;
  });
  // A name that stands only in the statement's comments was replaced there too, which does no harm.
  if (unused.size > 0) throw new Error(`sql/${name}.sql does not use ${[...unused].join(', ')}`);
  return filled;
}
