import { describe, expect, it } from 'vitest';
import { upTo } from '../../activities/kafka-signups/fix-bounds.js';

const ranges = (...lengths: number[]) => lengths.map((length, partition) => ({ partition, from: partition * 100, to: partition * 100 + length }));
const lengths = (cut: readonly { from: number; to: number }[]): number[] => cut.map(({ from, to }) => to - from);

describe('a batch of a stream', () => {
  it('takes everything where that is not too much', () => {
    expect(upTo(100, ranges(10, 20, 30))).toEqual(ranges(10, 20, 30));
    expect(upTo(Infinity, ranges(10, 0, 30))).toEqual(ranges(10, 0, 30));
  });

  it('leaves short partitions whole and shares the rest among the long ones, in their order', () => {
    const cut = upTo(100, ranges(80, 10, 0, 90));
    expect(lengths(cut)).toEqual([45, 10, 0, 45]);
    expect(cut.map(({ partition }) => partition)).toEqual([0, 1, 2, 3]);
  });

  it.each([1, 2, 7, 99])('never takes more than %d, and something as long as something is there', (most) => {
    for (const all of [ranges(50, 50, 50), ranges(1, 200), ranges(3), ranges(0, 0, 5)]) {
      const taken = lengths(upTo(most, all)).reduce((sum, length) => sum + length, 0);
      expect(taken).toBe(Math.min(most, lengths(all).reduce((sum, length) => sum + length, 0)));
    }
  });
});
