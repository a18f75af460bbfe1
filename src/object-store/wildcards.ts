import { MillraceError } from '../errors.js';
import type { ObjectInfo, ObjectStore } from './object-store.js';

export interface WildcardOptions {
  /** `*`, `?` and sets also take a `/`, as Python's fnmatch does; default false, as a shell does. */
  crossFolders?: boolean;
}

export interface Wildcards {
  /** What stands before the first wildcard: every key that matches begins with it. */
  readonly prefix: string;
  /** No wildcard at all: one key matches. */
  readonly literal: boolean;
  matches(key: string): boolean;
}

/** One character of a pattern; `undefined` is a `*`. */
type Token = ((character: string) => boolean) | undefined;

/**
 * The wildcards of fnmatch over whole keys, with regard to case: `*` any characters, `?` one, `[0-9]` one of a set, `[!a]` one
 * that is not in it. A `[` without its `]` stands for itself. There is no escape sign: a star is written `[*]`.
 *
 * `incoming/data_*.csv` does not match `incoming/data_old/1.csv` unless `crossFolders` is asked for. `BAD_PARAMS` for no pattern.
 */
export function compileWildcards(pattern: string, { crossFolders = false }: WildcardOptions = {}): Wildcards {
  if (pattern === '') throw new MillraceError('BAD_PARAMS', 'The pattern of the objects is empty: write for example incoming/data_*.csv');
  const wild = /[*?[]/.exec(pattern)?.index ?? pattern.length;
  const tokens = tokensOf(Array.from(pattern), crossFolders);
  return {
    prefix: pattern.slice(0, wild),
    literal: wild === pattern.length,
    matches: (key) => matchesTokens(Array.from(key), tokens, crossFolders),
  };
}

/**
 * The objects whose keys match, ascending by key. Only what begins with the pattern's literal prefix is listed, page by page. The
 * markers that some tools write for folders (keys that end with `/`) are left out.
 */
export async function* listMatching(store: ObjectStore, pattern: string, options: WildcardOptions & { signal?: AbortSignal } = {}): AsyncGenerator<ObjectInfo> {
  const wildcards = compileWildcards(pattern, options);
  const request = options.signal === undefined ? {} : { signal: options.signal };
  if (wildcards.literal) {
    const found = await store.head(pattern, request);
    if (found) yield found;
    return;
  }
  for await (const object of store.list(wildcards.prefix, request)) {
    if (!object.key.endsWith('/') && wildcards.matches(object.key)) yield object;
  }
}

function tokensOf(pattern: readonly string[], crossFolders: boolean): Token[] {
  const wild = (matches: (character: string) => boolean) => (character: string) => (crossFolders || character !== '/') && matches(character);
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at]!;
    const end = character === '[' ? endOfSet(pattern, at) : -1;
    if (character === '*') {
      if (tokens.length === 0 || tokens.at(-1) !== undefined) tokens.push(undefined);
    } else if (character === '?') {
      tokens.push(wild(() => true));
    } else if (end > 0) {
      tokens.push(wild(setOf(pattern.slice(at + 1, end))));
      at = end;
    } else {
      tokens.push((candidate) => candidate === character);
    }
  }
  return tokens;
}

/** Where the set that begins at `start` ends, or -1; a `]` in its first place is a member. */
function endOfSet(pattern: readonly string[], start: number): number {
  const first = pattern[start + 1] === '!' ? start + 2 : start + 1;
  return pattern.indexOf(']', first + 1);
}

/** `0-9a`, `!a`: a range whose ends are the wrong way round holds nothing. */
function setOf(text: readonly string[]): (character: string) => boolean {
  const negated = text[0] === '!';
  const members = negated ? text.slice(1) : text;
  const ranges: [from: number, to: number][] = [];
  for (let at = 0; at < members.length; at += 1) {
    const isRange = members[at + 1] === '-' && at + 2 < members.length;
    ranges.push([codeOf(members[at]!), codeOf(members[isRange ? at + 2 : at]!)]);
    if (isRange) at += 2;
  }
  return (character) => {
    const code = codeOf(character);
    return ranges.some(([from, to]) => code >= from && code <= to) !== negated;
  };
}

function codeOf(character: string): number {
  return character.codePointAt(0)!;
}

/**
 * Never goes back behind the last star, so that no pattern takes long. That is enough where a star ends at a `/` too: each `/` of
 * the pattern then has its one place in the key.
 */
function matchesTokens(key: readonly string[], tokens: readonly Token[], crossFolders: boolean): boolean {
  let at = 0;
  let token = 0;
  let star = -1;
  let taken = 0;
  while (at < key.length) {
    const current = tokens[token];
    if (token < tokens.length && current === undefined) {
      star = token;
      taken = at;
      token += 1;
    } else if (current?.(key[at]!)) {
      at += 1;
      token += 1;
    } else if (star >= 0 && (crossFolders || key[taken] !== '/')) {
      taken += 1;
      at = taken;
      token = star + 1;
    } else {
      return false;
    }
  }
  return tokens.slice(token).every((rest) => rest === undefined);
}
