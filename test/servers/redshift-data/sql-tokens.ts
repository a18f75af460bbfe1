export interface Token {
  kind: 'space' | 'string' | 'quoted' | 'word' | 'parameter' | 'number' | 'sign';
  text: string;
}

/** Redshift reads a backslash in a string as PostgreSQL 8.0 did: it takes the next sign as it is. */
const PATTERNS: readonly (readonly [Token['kind'], RegExp])[] = [
  ['space', /(?:\s+|--[^\n]*|\/\*[\s\S]*?\*\/)+/y],
  ['string', /'(?:\\[\s\S]|''|[^'\\])*'/y],
  ['quoted', /"(?:""|[^"])*"/y],
  ['word', /[A-Za-z_][\w$]*/y],
  ['number', /\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+/y],
  ['sign', /::|<=|>=|<>|!=|\|\|/y],
  ['parameter', /:[A-Za-z_]\w*/y],
  ['sign', /[\s\S]/y],
];

/** A statement in pieces, nothing left out. */
export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < sql.length; ) {
    for (const [kind, pattern] of PATTERNS) {
      pattern.lastIndex = at;
      const text = pattern.exec(sql)?.[0];
      if (text === undefined) continue;
      tokens.push({ kind, text });
      at += text.length;
      break;
    }
  }
  return tokens;
}

/** Without blanks and comments. */
export function meaningful(tokens: readonly Token[]): Token[] {
  return tokens.filter(({ kind }) => kind !== 'space');
}

/** A word in capitals; everything else as it stands, so that it equals no keyword. */
export function keyword(token: Token | undefined): string {
  return token?.kind === 'word' ? token.text.toUpperCase() : (token?.text ?? '');
}

/** The text that a string token stands for. */
export function stringValue({ text }: Token): string {
  const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };
  return text.slice(1, -1).replaceAll(/\\([\s\S])|''/g, (_all, sign: string | undefined) => (sign === undefined ? "'" : (escapes[sign] ?? sign)));
}

/** `'…'` as PostgreSQL writes it with standard_conforming_strings. */
export function plainString(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
