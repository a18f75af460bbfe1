import { parse } from 'lossless-json';

/**
 * Number tokens that JavaScript would print otherwise than they were written: many digits, an exponent, trailing zeros
 * after the point, tiny fractions, minus zero. It may also match inside strings, which only costs time.
 */
const FRAGILE_NUMBER = /(?:^|[:[,])\s*(?:-?(?:[\d.]{16}|\d+(?:\.\d+)?[eE]|\d+\.\d*0(?!\d)|0\.00000)|-0(?![\d.]))/;

/**
 * Parses JSON without changing a number: one that JavaScript prints as it was written (`7`, `12.5`) becomes a number, every
 * other (`12345678901234567890`, `12.10`, `1e400`) stays the text that it was. Throws `SyntaxError`.
 */
export function parseJson(text: string): unknown {
  // The native parser is ten times as fast, and gives the same where no number is fragile.
  if (!FRAGILE_NUMBER.test(text)) return JSON.parse(text) as unknown;
  return parse(text, null, { parseNumber, onDuplicateKey: ({ newValue }) => newValue });
}

function parseNumber(text: string): number | string {
  const number = Number(text);
  return String(number) === text ? number : text;
}
