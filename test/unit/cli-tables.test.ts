import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { csvLines } from '../../src/csv/csv-lines.js';
import { formatDuration } from '../../src/cli/output/format.js';
import { renderTable } from '../../src/cli/output/table.js';

const plain = (text: string) => text;
const COLUMNS = [{ head: 'NAME', shrinksTo: 6 }, { head: 'ROWS', align: 'right' as const }, { head: 'NOTE', shrinksTo: 0 }];

describe('tables', () => {
  it('keep columns in line with accents, CJK and emoji', () => {
    const lines = renderTable(COLUMNS, [['Größe', '1', 'x'], ['東京支店', '22', 'y'], ['🚚 truck', '333', 'z']], undefined, plain).split('\n');
    const ends = lines.slice(1).map((line) => stringWidth(line.replace(/ +[xyz]$/, '')));
    expect(new Set(ends).size).toBe(1);
  });

  it('are no wider than the terminal, and cut what may be cut', () => {
    const text = renderTable(COLUMNS, [['extract.extractSales', '3108', 'SOURCE_UNAVAILABLE: the database does not answer for a very long time indeed']], 40, plain);
    for (const line of text.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(40);
    expect(text).toContain('3108');
    expect(text).toContain('…');
  });

  it('keep a text that is one column wide', () => {
    expect(renderTable([{ head: 'n', shrinksTo: 1 }], [['2']], 10, plain)).toBe('n\n2');
  });

  it('show text of others on one line, without control characters', () => {
    const text = renderTable([{ head: 'X' }], [['a\nb\u001B[31mred\u0007']], undefined, plain);
    expect(text.split('\n')).toHaveLength(2);
    expect(text).toContain('a b [31mred');
  });
});

describe('CSV', () => {
  it('quotes what needs quotes, and tells an empty text from NULL', () => {
    expect([...csvLines(['a', 'b,c'], [['x "y"', 'line\nbreak'], [null, ''], [1.5, true]])]).toEqual(['a,"b,c"', '"x ""y""","line\nbreak"', ',""', '1.5,true']);
  });
});

describe('durations', () => {
  it.each([[400, '0.4 s'], [59_900, '59.9 s'], [245_000, '4 min 05 s'], [7_380_000, '2 h 03 min']])('%d ms is %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
});
