import { validation } from './api-error.js';
import { tokensOf } from './sql-tokens.js';

export interface Parameter {
  name: string;
  value: string;
}

/** `:name` → `$1`, in the order of their first use. A parameter that no statement uses, or that is not given, is refused. */
export function bindParameters(sqls: readonly string[], parameters: readonly Parameter[] | undefined): { text: string; values: string[] }[] {
  if (!parameters) return sqls.map((text) => ({ text, values: [] }));
  const given = new Map(parameters.map(({ name, value }) => [name, value]));
  const unused = new Set(given.keys());
  const bound = sqls.map((sql) => {
    const names: string[] = [];
    const text = tokensOf(sql).map(({ kind, text }) => {
      if (kind !== 'parameter') return text;
      const name = text.slice(1);
      if (!given.has(name)) throw validation(`Parameters list is missing parameter: ${name}`);
      unused.delete(name);
      if (!names.includes(name)) names.push(name);
      return `$${names.indexOf(name) + 1}`;
    });
    return { text: text.join(''), values: names.map((name) => given.get(name)!) };
  });
  if (unused.size > 0) throw validation(`Parameters list contains unused parameters. Unused parameters: [${[...unused].join(', ')}]`);
  return bound;
}
