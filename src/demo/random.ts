import { createHash } from 'node:crypto';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Repeatable choices. Whole numbers only: floating point functions may differ between machines. */
export interface Random {
  /** Uniform, both ends included. */
  int(min: number, max: number): number;
  /** True `perMille` times in a thousand. */
  chance(perMille: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** Early items more often than late ones, as in a shop. */
  pickPopular<T>(items: readonly T[]): T;
  shuffled<T>(items: readonly T[]): T[];
}

/** A stream of its own for every purpose (`sales/2026-01-31`): a change in one leaves the others as they were. */
export function randomFor(purpose: string): Random {
  const generator = xoroshiro128plus(createHash('sha256').update(purpose).digest().readInt32BE(0));
  const int = (min: number, max: number): number => uniformInt(generator, min, max);
  const at = <T>(items: readonly T[], index: number): T => {
    const item = items[index];
    if (item === undefined) throw new RangeError(`nothing to pick from for ${purpose}`);
    return item;
  };
  return {
    int,
    chance: (perMille) => int(1, 1000) <= perMille,
    pick: (items) => at(items, int(0, items.length - 1)),
    pickPopular: (items) => at(items, Math.min(int(0, items.length - 1), int(0, items.length - 1))),
    shuffled: (items) => {
      const result = [...items];
      for (let last = result.length - 1; last > 0; last -= 1) {
        const other = int(0, last);
        const moved = at(result, last);
        result[last] = at(result, other);
        result[other] = moved;
      }
      return result;
    },
  };
}
