import { describe, expect, test } from 'vitest';
import { parseJson } from '../../src/sources/json.js';

describe('parseJson', () => {
  test.each([
    ['7', 7],
    ['-12.5', -12.5],
    ['0', 0],
    ['9007199254740991', 9007199254740991],
    ['9007199254740993', '9007199254740993'],
    ['12345678901234567890', '12345678901234567890'],
    ['12.10', '12.10'],
    ['1.0', '1.0'],
    ['-0', '-0'],
    ['-0.0', '-0.0'],
    ['1e3', '1e3'],
    ['1E400', '1E400'],
    ['0.000001', 0.000001],
    ['0.0000001', '0.0000001'],
    ['0.1234567890123456789', '0.1234567890123456789'],
  ])('gives %s as a number when JavaScript prints it the same, else as its text: %j', (text, expected) => {
    expect(parseJson(text)).toBe(expected);
    expect(parseJson(`{"a":[ ${text} ],"b": ${text}}`)).toEqual({ a: [expected], b: expected });
  });

  test('loses no digit of any number, whichever parser it takes', () => {
    const digits = '0123456789';
    // A fixed generator: a failure can be repeated.
    let state = 42;
    const random = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((state / 2_147_483_648) * below);
    };
    const some = (length: number): string => Array.from({ length }, () => digits[random(10)]).join('');
    for (let time = 0; time < 20_000; time += 1) {
      const whole = random(3) === 0 ? '0' : `${1 + random(9)}${some(random(20))}`;
      const fraction = random(2) === 0 ? '' : `.${some(1 + random(20))}`;
      const exponent = random(5) === 0 ? `e${random(2) === 0 ? '-' : '+'}${random(30)}` : '';
      const text = `${random(4) === 0 ? '-' : ''}${whole}${fraction}${exponent}`;
      expect(String((parseJson(`{"n":${text}}`) as { n: unknown }).n)).toBe(text);
    }
  });

  test('leaves digits inside strings alone', () => {
    expect(parseJson('{"a":"x: 12345678901234567890, 1.10","at":"2010-12-01T08:26:00.000Z"}')).toEqual({
      a: 'x: 12345678901234567890, 1.10',
      at: '2010-12-01T08:26:00.000Z',
    });
  });

  test.each(['{"__proto__":{"x":1},"a":%}', '{"a":1,"a":%}'])('treats %s the same with both parsers', (text) => {
    expect(JSON.stringify(parseJson(text.replace('%', '1.10')))).toBe(JSON.stringify(JSON.parse(text.replace('%', '"1.10"'))));
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  test.each(['', '{', '{"a":}', '{"a":1.10', '01', '.5', '1.', '{"a":1.10,}', '"\u0001 1.10"', 'undefined', '[1.10'])('refuses %j', (text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  });
});
