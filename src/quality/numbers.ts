import { BigNumber } from 'bignumber.js';

/** The exact number in a text that came from a warehouse or a check definition; `undefined` for NaN, infinity and no number. */
export function exact(value: string | number): BigNumber | undefined {
  try {
    const number = new BigNumber(String(value).trim());
    return number.isFinite() ? number : undefined;
  } catch {
    return undefined;
  }
}

/**
 * One spelling for one number, because warehouses spell sums and doubles differently: `0.30` and `0.3`, `100000.0` and `1e5`.
 * What is not a finite number is given back as it came.
 */
export function plain(value: string | number): string {
  return exact(value)?.toFixed() ?? String(value);
}

/** `part` of `whole` is at least the share `min`, compared exactly; of nothing, nothing is missing. */
export function atLeastShare(part: number, whole: number, min: number): boolean {
  return new BigNumber(min).times(whole).lte(part);
}

/** To 4 places, rounded towards zero, so that 0.99999 is never shown as 1. */
export function share(part: number, whole: number): string {
  return whole === 0 ? '1' : new BigNumber(part).div(whole).decimalPlaces(4, BigNumber.ROUND_DOWN).toFixed();
}

/** `1 row`, `2 rows`. */
export function counted(count: number | string, noun: string): string {
  return `${count} ${noun}${String(count) === '1' ? '' : 's'}`;
}
