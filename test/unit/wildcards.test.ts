import { describe, expect, it } from 'vitest';
import { compileWildcards } from '../../src/object-store/wildcards.js';

const matches = (pattern: string, key: string, crossFolders = false): boolean => compileWildcards(pattern, { crossFolders }).matches(key);

describe('wildcards', () => {
  it.each([
    ['incoming/data_*.csv', 'incoming/data_2010-12-01.csv', true],
    ['incoming/data_*.csv', 'incoming/data_.csv', true],
    ['incoming/data_*.csv', 'incoming/data_1.csv.gz', false],
    ['incoming/data_*.csv', 'old/incoming/data_1.csv', false],
    ['incoming/data_*.csv', 'incoming/DATA_1.csv', false],
    ['data_?.csv', 'data_1.csv', true],
    ['data_?.csv', 'data_🚲.csv', true],
    ['data_?.csv', 'data_10.csv', false],
    ['data_[0-9].csv', 'data_7.csv', true],
    ['data_[0-9].csv', 'data_x.csv', false],
    ['data_[!a].csv', 'data_b.csv', true],
    ['data_[!a].csv', 'data_a.csv', false],
    ['data_[!0-9x].csv', 'data_x.csv', false],
    ['data_[]].csv', 'data_].csv', true],
    ['data_[9-0].csv', 'data_5.csv', false],
    ['data_[*].csv', 'data_*.csv', true],
    ['data_[*].csv', 'data_1.csv', false],
    ['data_[1.csv', 'data_[1.csv', true],
    ['data.csv', 'dataxcsv', false],
    ['*', 'a', true],
    ['*.csv', '.csv', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-b-b-c-', false],
  ])('match the whole key as fnmatch does: %s on %s is %s', (pattern, key, expected) => {
    expect(matches(pattern, key)).toBe(expected);
    expect(matches(pattern, key, true)).toBe(expected);
  });

  it.each([
    ['incoming/data_*.csv', 'incoming/data_old/1.csv'],
    ['incoming?data.csv', 'incoming/data.csv'],
    ['incoming[!x]data.csv', 'incoming/data.csv'],
    ['*.csv', 'incoming/archive/data.csv'],
    ['a/*/b*/c', 'a/x/y/b1/c'],
  ])('do not cross a folder unless that is asked for: %s on %s', (pattern, key) => {
    expect(matches(pattern, key)).toBe(false);
    expect(matches(pattern, key, true)).toBe(true);
  });

  it('do match in every folder of their own', () => {
    expect(matches('incoming/*/data_*.csv', 'incoming/2010/data_1.csv')).toBe(true);
    expect(matches('incoming/*/data_*.csv', 'incoming/2010/12/data_1.csv')).toBe(false);
    expect(matches('a*/b*c/d', 'a1/b-c-c/d')).toBe(true);
  });

  it('name the literal text before the first wildcard', () => {
    expect(compileWildcards('incoming/data_*.csv').prefix).toBe('incoming/data_');
    expect(compileWildcards('incoming/data_[0-9]?.csv').prefix).toBe('incoming/data_');
    expect(compileWildcards('*.csv').prefix).toBe('');
    expect(compileWildcards('incoming/data.csv')).toMatchObject({ prefix: 'incoming/data.csv', literal: true });
  });

  it('take no long time for a pattern that makes regular expressions explode', () => {
    const started = performance.now();
    expect(matches(`${'a*'.repeat(40)}b`, 'a'.repeat(1000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('are refused when there are none', () => {
    expect(() => compileWildcards('')).toThrow(expect.objectContaining({ code: 'BAD_PARAMS' }) as Error);
  });
});
