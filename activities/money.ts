/** `58635.560000` → `58635.56`: at least two decimals, no zeros beyond them, no digit lost. Decimal text in, decimal text out. */
export function formatMoney(decimal: string): string {
  const [whole, fraction = ''] = decimal.split('.');
  return `${whole}.${fraction.replace(/0+$/, '').padEnd(2, '0')}`;
}
